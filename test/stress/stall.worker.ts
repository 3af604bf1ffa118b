/** The clock of stall.ts, on a thread of its own. */
import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { futexWait, loadAcquire } from '../../src/lib/barrier.js'
import { WqMemory } from '../../src/wq/layout.js'
import { dump } from './dump.js'
import { PROGRESS, STOPPED, type StallSeat } from './stall.js'

const { shared, sab, payloadHash, name, limitMs } = workerData as StallSeat

for (let seen = -1; ; ) {
  const now = loadAcquire(shared, PROGRESS)
  if (now === seen) {
    const text = `\nstands still for ${limitMs / 1000} s: ${name}\n${dump(WqMemory.attach(sab, payloadHash))}`
    for (let rest = Buffer.from(text); rest.length > 0; ) rest = rest.subarray(writeSync(2, rest))
    process.kill(process.pid, 'SIGKILL')
  }
  seen = now
  if (futexWait(shared, STOPPED, 0, limitMs) !== 'timed-out') break
}
