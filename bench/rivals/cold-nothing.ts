/** For cold-start.ts: a program that does nothing. Main thread of a process of its own. */
export {}
