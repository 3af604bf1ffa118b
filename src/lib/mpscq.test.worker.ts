/**
 * A producer of mpscq.test.ts, and where its memory lies: waits at the gate, pushes its nodes, rings when it has to.
 */
import { isMainThread, workerData } from 'node:worker_threads'
import { fetchAdd, futexWait, futexWake } from './barrier.js'
import { MPSCQ, type MpscqMemory, producer } from './mpscq.js'

export const PRODUCERS = 3
export const EACH = 20_000

const LINKS = MPSCQ.size >> 2
export const GATE = LINKS + PRODUCERS * EACH
export const READY = GATE + 1
export const BELL = GATE + 2
export const MEMORY_BYTES = (GATE + 3) * 4

export function memoryOf(memory: SharedArrayBuffer): MpscqMemory {
  return { words: new Int32Array(memory), queueWord: 0, linkWord: LINKS, strideWords: 1 }
}

if (!isMainThread) {
  const { memory, me } = workerData as { memory: SharedArrayBuffer; me: number }
  const mem = memoryOf(memory)
  const { push } = producer(mem)
  fetchAdd(mem.words, READY, 1)
  futexWake(mem.words, READY, 1)
  futexWait(mem.words, GATE, 0, 20_000)
  for (let i = 0; i < EACH; i++) {
    if (!push(me * EACH + i)) continue
    fetchAdd(mem.words, BELL, 1)
    futexWake(mem.words, BELL, 1)
  }
}
