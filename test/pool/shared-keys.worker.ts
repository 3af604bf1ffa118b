/** A thread of shared-keys.test with a pool of its own. */
import { parentPort, workerData } from 'node:worker_threads'
import { SharedKeys } from '../../src/pool/jobs/shared-keys.js'
import { Pool } from '../../src/pool/pool.js'
import { Gate } from './gate.js'

const task = workerData as { buffer: SharedArrayBuffer } & (
  | { kind: 'inside'; counters: Int32Array; rounds: number }
  | { kind: 'hold' | 'holdAWhile'; gate: Int32Array }
  | { kind: 'hammer'; rounds: number }
)
const keys = new SharedKeys(task.buffer)
const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), { maxWorkers: 2, keys })

if (task.kind === 'inside') {
  const { counters, rounds } = task
  const jobs: Promise<number>[] = []
  for (let i = 0; i < counters.length * rounds; i++) {
    const key = i % counters.length
    const unbounded = i % 7 === 0
    // A bigint's entry goes with its last job: entries come and go all the time, in every thread.
    jobs.push(pool.run('inside', [counters.subarray(key, key + 1), 20], { key: BigInt(key), unbounded }))
  }
  const results = await Promise.all(jobs)
  await pool.close()
  parentPort?.postMessage(results.filter((others) => others !== 0).length)
} else if (task.kind === 'hammer') {
  const seat = keys.join()
  for (let i = 0; i < task.rounds; i++) {
    seat.take(i % 5)
    seat.drop(i % 5)
  }
  seat.hashSeat.leave()
  parentPort?.postMessage('done')
} else if (task.kind === 'hold') {
  await pool.run('hold', [task.gate], { key: 'held' })
} else {
  const own = new Gate()
  const held = pool.run('hold', [own.words], { key: 'held' })
  await own.reached(1)
  const told = new Promise((resolve) => parentPort?.once('message', resolve))
  task.gate[0] = 1
  await told
  own.open()
  await held
  await pool.close()
  parentPort?.postMessage('done')
}
