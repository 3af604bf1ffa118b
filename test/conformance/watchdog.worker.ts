/**
 * The clock of watchdog.ts, on a thread of its own. It sleeps on the generation word and ends the process if that has
 * not changed within the limit.
 */
import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { futexWait, loadAcquire } from '../../src/lib/barrier.js'
import { GENERATION, LIMIT_WORD, NAME_AT, NAME_LENGTH } from './watchdog.js'

const memory = workerData as SharedArrayBuffer
const words = new Int32Array(memory, 0, NAME_AT / 4)

for (;;) {
  // Pairs with storeRelease in watchdog.ts: name and limit are those of this generation, or of a later one.
  const generation = loadAcquire(words, GENERATION)
  const limitMs = words[LIMIT_WORD]!
  const ended = futexWait(words, GENERATION, generation, limitMs === 0 ? Number.POSITIVE_INFINITY : limitMs)
  if (ended !== 'timed-out' || loadAcquire(words, GENERATION) !== generation) continue
  const name = Buffer.from(new Uint8Array(memory, NAME_AT, words[NAME_LENGTH]!)).toString()
  writeSync(2, `\nhangs: '${name}' did not end within ${limitMs / 1000} s\n`)
  process.kill(process.pid, 'SIGKILL')
}
