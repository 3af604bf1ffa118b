/**
 * A Worker that ends without having closed its rings leaves nothing of theirs: no descriptor of a ring or of a request in
 * flight, and no memory of a ring. As shipped.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import { BACKENDS } from '../cli/backends.js'
import type { Doing } from './worker-leavings.worker.js'

const NR_RINGS = 5
const NR_WORKERS = 4

/** What descriptors of rings and of the pipe there are, by what they are. */
function descriptors(pipe: number): string[] {
  const ours = new Set([readlinkSync(`/proc/self/fd/${pipe}`), 'anon_inode:[io_uring]', 'anon_inode:[eventfd]'])
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`)
      } catch {
        return 'gone'
      }
    })
    .filter((link) => ours.has(link))
    .sort()
}

/** How many of these addresses are mapped. */
function nrMapped(addresses: readonly number[]): number {
  const ranges = readFileSync('/proc/self/maps', 'utf8')
    .trim()
    .split('\n')
    .map((line) =>
      line
        .split(' ', 1)[0]!
        .split('-')
        .map((hex) => Number.parseInt(hex, 16)),
    )
  return addresses.filter((address) => ranges.some(([from, to]) => address >= from! && address < to!)).length
}

async function endOne(doing: Doing): Promise<number[]> {
  const worker = new Worker(new URL('./worker-leavings.worker.js', import.meta.url), { workerData: doing })
  worker.on('error', () => {})
  const [addresses] = (await once(worker, 'message')) as [number[]]
  const exit = new Promise((done) => worker.once('exit', done))
  if (doing.ending === 'terminate') worker.terminate()
  else worker.postMessage('end')
  await exit
  return addresses
}

for (const { name: backend, skip } of BACKENDS) {
  const isKoffi = process.env['URING_FFI'] === 'koffi' && 'koffi gives nothing back by itself'
  test(`rings that a Worker did not close leave nothing [${backend}]`, { skip: skip || isKoffi }, async () => {
    const fds = new Int32Array(2)
    assert.equal(libc('pipe2')(addressOf(fds), 0), 0)
    const pipe = fds[0]!
    await endOne({ backend, pipe, ending: 'exit', nrRings: 1 })
    const before = descriptors(pipe)
    const addresses: number[] = []
    for (let i = 0; i < NR_WORKERS; i++) {
      const ending = (['terminate', 'exit', 'throw', 'nothing'] as const)[i % 4]!
      addresses.push(...(await endOne({ backend, pipe, ending, nrRings: NR_RINGS })))
      assert.deepEqual(descriptors(pipe), before, ending)
    }
    // Others may have been given the places since.
    const left = nrMapped(addresses)
    assert.equal(addresses.length, backend === 'kernel' ? NR_WORKERS * NR_RINGS : 0)
    assert.ok(left <= addresses.length / 2, `${left} of ${addresses.length} rings are still mapped`)
    for (const fd of fds) closeSync(fd)
  })
}
