/**
 * For wakeup.test.ts: `wake` or `full`, a backend, and a way to wake. Main thread of a process of its own, and Workers.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, openSync, writeSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { libc } from '../sys/libc.js'
import { wakeWay } from '../sys/loop.js'
import { addressOf } from '../sys/memory.js'
import { Uring } from './uring.js'

const [what, backend, way] = (isMainThread ? process.argv.slice(2) : workerData) as [
  string,
  'kernel' | 'threads',
  string,
]
if (way === 'thread') await import('../sys/waiter.test.pipeless.js')

try {
  await (await Uring.open({ backend })).close()
} catch (error) {
  console.log(`there is no such backend here: ${(error as Error).message}`)
  process.exit()
}

if (what === 'full') await withoutDescriptors()
else if (isMainThread) {
  await sleepAndWake()
  await inWorkers()
  console.log('woken')
} else if (what === 'wake') {
  await sleepAndWake()
} else {
  // To be terminated with everything in the air.
  const [from, to] = makePipe()
  const ring = await Uring.open({ backend })
  for (let i = 0; i < 8; i++) void ring.read(from, new Uint8Array(1))
  await ring.nop({ async: true })
  writeSync(to, 'x')
  parentPort?.postMessage('asleep')
}

/** [to read from, to write to]. */
function makePipe(): [number, number] {
  const fds = new Int32Array(2)
  assert.equal(libc('pipe2')(addressOf(fds), 0), 0)
  return [fds[0]!, fds[1]!]
}

/** Reads that find nothing, so that the loop sleeps until something is written. */
async function sleepAndWake(): Promise<void> {
  assert.equal(wakeWay(), way)
  const ring = await Uring.open({ backend })
  const [from, to] = makePipe()
  for (let i = 0; i < 50; i++) {
    const read = ring.read(from, new Uint8Array(8))
    await turn()
    writeSync(to, 'abc')
    assert.equal(await read, 3)
    assert.equal(await ring.nop({ async: true }), 0)
  }
  assert.ok(ring.stats().wakes > 0)
  const pending = assert.rejects(ring.read(from, new Uint8Array(8)), { name: 'AbortError' }, 'a read that is pending')
  await ring.destroy()
  await pending
  libc('close')(from)
  libc('close')(to)
}

async function inWorkers(): Promise<void> {
  const file = new URL(import.meta.url)
  const one = new Worker(file, { workerData: ['wake', backend, way] })
  assert.deepEqual(await once(one, 'exit'), [0])
  // What the threads' own workers do when they are terminated is tested elsewhere.
  for (let i = 0; i < 5 && backend === 'kernel'; i++) {
    const worker = new Worker(file, { workerData: ['die', backend, way] })
    await once(worker, 'message')
    await worker.terminate()
  }
}

async function withoutDescriptors(): Promise<void> {
  const ring = await Uring.open({ backend })
  const [from, to] = makePipe()
  const read = ring.read(from, new Uint8Array(8))
  const taken: number[] = []
  for (;;) {
    try {
      taken.push(openSync('/dev/null', 'r'))
    } catch {
      break
    }
  }
  for (let i = 0; i < 10; i++) await turn()
  writeSync(to, 'abc')
  assert.equal(await read, 3)
  for (const fd of taken) closeSync(fd)
  const again = ring.read(from, new Uint8Array(8))
  await turn()
  writeSync(to, 'de')
  assert.equal(await again, 2)
  await ring.close()
  console.log('woken')
}
