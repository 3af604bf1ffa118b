/**
 * The memory in which the threads of a drop-in pool take their numbers: a head, then one word for each number. Owner and
 * workers import it. No counterpart.
 */
import { struct } from '../lib/layout.js'

// biome-ignore format: table
export const NUMBERS = struct('compat_numbers', [
  //field        type      written by  meaning
  ['given_back', 'u32',    'any',      'counts numbers given back; a thread that found none free sleeps on it'],
])

// biome-ignore format: table
export const NUMBER = struct('compat_number', [
  //field        type      written by  meaning
  ['holder',     'u32',    'any',      'the threadId of the thread that has this number; 0: free'],
])
