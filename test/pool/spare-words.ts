/** The words that spare-jobs.ts and its test share. Any thread. */
export const LOADED = 0
export const SET_UP = 1
export const TORN_DOWN = 2
export const BEGUN = 3
