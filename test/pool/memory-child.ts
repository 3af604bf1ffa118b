/**
 * Gives 100,000 jobs that wait, and prints what memory each takes, and what is left when all have gone. A process of
 * its own for memory.test.ts: the test runner keeps notes on every promise. Main thread.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Pool } from '../../src/pool/pool.js'
import { Gate } from './gate.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void
const NR_JOBS = 100_000

function used(): number {
  collectGarbage()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + Math.max(external, arrayBuffers)
}

const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), { maxWorkers: 1 })
const promises: Promise<unknown>[] = new Array(NR_JOBS)
const give = () => {
  for (let i = 0; i < NR_JOBS; i++) promises[i] = pool.run('noop')
}
const drop = () => promises.fill(Promise.resolve())
// What grows once, with the first so many, is not a job's.
give()
await Promise.all(promises)
drop()
const gate = new Gate()
const held = pool.run('hold', [gate.words])
await gate.reached(1)
const before = used()
give()
const waiting = (used() - before) / NR_JOBS
gate.open()
await Promise.all([held, ...promises])
drop()
// What is collected is given back by and by.
let left = Number.POSITIVE_INFINITY
for (let turns = 0; turns < 20; turns++) {
  left = Math.min(left, (used() - before) / NR_JOBS)
  await new Promise(setImmediate)
}
console.log(JSON.stringify({ waiting, left }))
await pool.close()
