/** Jobs that say in which order their thread's module was loaded. */
import { closeSync, openSync, readSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { fetchAdd, storeRelease } from '../../src/lib/barrier.js'
import { BEGUN, LOADED, SET_UP, TORN_DOWN } from './spare-words.js'

const words = workerData as Int32Array
const nth = fetchAdd(words, LOADED, 1)
if (process.env['SPARE_PRINTS'] === '1') console.log(`loaded ${nth}`)

export function setUp(): void {
  fetchAdd(words, SET_UP, 1)
}

export function tearDown(): void {
  fetchAdd(words, TORN_DOWN, 1)
}

/** 0: the first thread of all. */
export function which(): number {
  return nth
}

export function loop(): never {
  storeRelease(words, BEGUN, 1)
  for (;;);
}

/** Inside a system call until something is written to the pipe. */
export function readPipe(path: string): void {
  const fd = openSync(path, 'r+')
  storeRelease(words, BEGUN, 1)
  readSync(fd, new Uint8Array(1))
  closeSync(fd)
}
