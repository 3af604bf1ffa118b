/** The process of ends.ts: makes threads that use rings, and ends them as its argument says. Main thread. */
import { Worker } from 'node:worker_threads'
import { Prng } from '../model/prng.js'
import type { Batch } from './ends.js'

const LIB = new URL('../../lib/', import.meta.url)
const ENTRY = new URL('./ends.worker.js', import.meta.url)
const AT_ONCE = 3

const batch = JSON.parse(process.argv[2] ?? '') as Batch
const { way, backend, load } = batch
const rng = new Prng(batch.seed)
// The pool's threads do not keep the process alive.
const alive = setInterval(() => {}, 60_000)
let left = batch.ends
const comesUpMs = await measure()

/** How long it takes from a thread's start until its ring works: that long again others may take, as the machine is. */
async function measure(): Promise<number> {
  const began = performance.now()
  const worker = new Worker(ENTRY, { workerData: { way: 'terminate', backend, load: 'rest', afterMs: 0 } })
  await once(worker, 'message')
  const ms = performance.now() - began
  await worker.terminate()
  return ms
}

/** Some moment after a thread's start: while its ring comes up, mostly, or is at work. */
function momentMs(): number {
  return (rng.int(1 << 20) / (1 << 20)) * 1.3 * comesUpMs
}

function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, momentMs()))
}

async function withWorkers(): Promise<void> {
  while (left-- > 0) {
    // `afterMs`: when it ends of itself.
    const afterMs = momentMs()
    const worker = new Worker(ENTRY, { workerData: { way, backend, load, afterMs } })
    const exit = new Promise<number>((resolve, reject) => worker.once('exit', resolve).once('error', reject))
    if (way === 'terminate') {
      await moment()
      await worker.terminate()
    }
    await exit
  }
}

function once(worker: Worker, name: string): Promise<void> {
  return new Promise((resolve) => worker.once(name, () => resolve()))
}

async function withPool(): Promise<void> {
  const { Pool } = (await import(new URL('pool.js', LIB).href)) as typeof import('../../src/pool/pool.js')
  const make = () => new Pool(ENTRY, { maxWorkers: 2 })
  let pool = make()
  while (left > 0) {
    // What it is killed or destroyed in is where it is just then.
    const jobs = Array.from({ length: 2 }, () => pool.run('useRing', [backend, load]))
    const settled = Promise.allSettled(jobs)
    await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, 2 * momentMs()))])
    left -= 2
    if (way === 'kill') pool.kill((job) => job.running)
    else await pool.destroy(0)
    if (way === 'destroy') pool = make()
    else if (rng.oneIn(2)) pool.cancel(() => true)
    for (let isDone = false; way === 'kill' && !isDone; ) {
      pool.kill(() => true)
      isDone = await Promise.race([settled.then(() => true), moment().then(() => false)])
    }
    for (const one of await settled) if (one.status === 'fulfilled') throw new Error('a job ended by itself')
  }
  await pool.destroy(0)
}

if (way === 'main') {
  for (let i = 0; i < batch.ends; i++) new Worker(ENTRY, { workerData: { way, backend, load, afterMs: 0 } })
  await moment()
  process.exit(0)
}
if (way === 'kill' || way === 'destroy') await withPool()
else await Promise.all(Array.from({ length: AT_ONCE }, withWorkers))
console.log('survived')
clearInterval(alive)
