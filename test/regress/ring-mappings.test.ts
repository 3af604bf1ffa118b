/**
 * Mappings do not pile up: of 200 rings opened, used and closed in Workers, and of memory that was let go while views of it
 * were about. A process dies of too many (vm.max_map_count).
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { Mapping } from '../../src/sys/memory.js'
import { BACKENDS } from '../cli/backends.js'
import type { Doing } from './ring-mappings.worker.js'

const NR_WORKERS = 10
const NR_RINGS = 20
const PAGE_BYTES = 4096

const ranges = () =>
  readFileSync('/proc/self/maps', 'utf8')
    .trim()
    .split('\n')
    .map((line) =>
      line
        .split(' ', 1)[0]!
        .split('-')
        .map((hex) => Number.parseInt(hex, 16)),
    )

async function useRings(doing: Doing): Promise<void> {
  const worker = new Worker(new URL('./ring-mappings.worker.js', import.meta.url), { workerData: doing })
  const [code] = await new Promise<[number]>((done, fail) => {
    worker.once('exit', (...args) => done(args as [number]))
    worker.once('error', fail)
  })
  assert.equal(code, 0)
}

for (const { name: backend, skip } of BACKENDS) {
  test(`${NR_WORKERS * NR_RINGS} rings in Workers leave no mappings [${backend}]`, { skip }, async () => {
    await useRings({ backend, nrRings: 1 })
    const before = ranges().length
    for (let i = 0; i < NR_WORKERS; i++) await useRings({ backend, nrRings: NR_RINGS })
    const more = ranges().length - before
    // One a ring would be 200; allocators come and go by some.
    assert.ok(more < 100, `${more} mappings more`)
  })
}

test('memory that was retired is unmapped once nobody can see it', async () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const addresses = Array.from({ length: 50 }, retireOne)
  const isMapped = (address: number, all: number[][]) => all.some(([from, to]) => address >= from! && address < to!)
  for (let round = 0; round < 200; round++) {
    gc()
    await new Promise(setImmediate)
    const all = ranges()
    const left = addresses.filter((address) => isMapped(address, all)).length
    // Others may have been given the places since.
    if (left <= 25) return
  }
  assert.fail('it stays mapped')
})

/** A mapping that shows zeros to whoever still looks, and takes what they write. */
function retireOne(): number {
  const mapping = new Mapping(PAGE_BYTES)
  const bytes = new Uint8Array(mapping.buffer)
  bytes.fill(7)
  mapping.retire()
  assert.ok(bytes.every((byte) => byte === 0))
  bytes[0] = 1
  assert.equal(bytes[0], 1)
  mapping.unmap()
  mapping.retire()
  assert.equal(bytes[0], 1)
  return mapping.address
}
