/**
 * Two pools of two threads share keys, and run jobs of one key while the process has no descriptor left: the other pool
 * joins before that ('before') or in the midst of it ('within'). Prints how many jobs ran at once. Program, and thread.
 */
import { closeSync, openSync } from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { futexWake, loadAcquire, storeRelease } from '../../src/lib/barrier.js'
import { SharedKeys } from '../../src/pool/jobs/shared-keys.js'
import { Pool } from '../../src/pool/pool.js'

const JOBS = new URL('./shared-keys-without-descriptors.jobs.js', import.meta.url)
/** The others are looked after each 100 ms, and taken for dead at once: what would be seen, was. */
const LOOKS_MS = 500
const GATE = 3

if (isMainThread) await main(process.argv[2] === 'within')
else await other()

async function main(joinsWithin: boolean): Promise<void> {
  const keys = new SharedKeys()
  const words = new Int32Array(new SharedArrayBuffer(16))
  const pool = new Pool(JOBS, { keys, maxWorkers: 1 })
  await pool.run('hold', [words, 'pass'], { key: 'warm' })
  const thread = new Worker(new URL(import.meta.url), { workerData: { buffer: keys.buffer, words } })
  const next = () => new Promise((done) => thread.once('message', done))
  await next()
  let fds = joinsWithin ? useUp() : []
  thread.postMessage('join')
  await next()
  // Its threads need descriptors to come up.
  for (const fd of fds) closeSync(fd)
  thread.postMessage('run')
  await next()
  fds = joinsWithin ? [] : useUp()
  const mine = pool.run('hold', [words, 'pass'], { key: 'K' })
  // The other pool holds the key: this one waits, however often it looks.
  const early = await Promise.race([mine.then(() => true), new Promise((done) => setTimeout(done, LOOKS_MS, false))])
  storeRelease(words, GATE, 1)
  futexWake(words, GATE, 1)
  await mine
  for (const fd of fds) closeSync(fd)
  console.log(JSON.stringify({ early, most: loadAcquire(words, 1) }))
  await thread.terminate()
  await pool.close()
}

/** Takes every descriptor there is. */
function useUp(): number[] {
  const fds: number[] = []
  try {
    for (;;) fds.push(openSync('/dev/null', 'r'))
  } catch {
    return fds
  }
}

async function other(): Promise<void> {
  const { buffer, words } = workerData as { buffer: SharedArrayBuffer; words: Int32Array }
  const told = () => new Promise((done) => parentPort!.once('message', done))
  parentPort!.postMessage('up')
  await told()
  const pool = new Pool(JOBS, { keys: new SharedKeys(buffer), maxWorkers: 1 })
  parentPort!.postMessage('joined')
  await told()
  void pool.run('hold', [words, 'wait'], { key: 'K' })
  // Until it runs.
  while (loadAcquire(words, 0) === 0) await new Promise((turn) => setImmediate(turn))
  parentPort!.postMessage('runs')
  await new Promise(() => setInterval(() => {}, 60_000))
}
