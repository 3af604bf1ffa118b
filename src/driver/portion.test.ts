/**
 * Which reads and writes are handed to workers, and how many bytes enter at once. Main thread.
 */
import assert from 'node:assert/strict'
import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { IORING_OP_READ, IOSQE_ASYNC } from '../abi/constants.js'
import { SQE } from '../abi/sqe.js'
import { makePipe, onEachBackend, scratchDirectory } from './driver.test.backends.js'
import { driverOf, type Uring } from './uring.js'

const KIB = 1024
const MIB = KIB * KIB
const directory = scratchDirectory()
const path = join(directory, 'long')
const content = Uint8Array.from({ length: 4 * MIB }, (_, i) => (i * 7) >> 5)
writeFileSync(path, content)

interface Entered {
  readonly opcode: number
  readonly isAsync: boolean
}

/** What enters the ring from now on: one list a call of enter. */
function record(ring: Uring): Entered[][] {
  const enters: Entered[][] = [[]]
  const { sq, syscalls, fd } = driverOf(ring).ring
  const { putSqes } = sq
  sq.putSqes = (words, from, count) => {
    for (let i = 0; i < count; i++) {
      const bytes = new DataView(words.buffer, (from + i * (SQE.size >> 2)) * 4)
      const isAsync = (bytes.getUint8(SQE.at.flags) & IOSQE_ASYNC) !== 0
      enters.at(-1)!.push({ opcode: bytes.getUint8(SQE.at.opcode), isAsync })
    }
    return putSqes.call(sq, words, from, count)
  }
  const { enter } = syscalls
  syscalls.enter = (which, ...rest) => {
    if (which === fd) enters.push([])
    return enter.call(syscalls, which, ...rest)
  }
  return enters
}

const asyncOnes = (enters: Entered[][]) => enters.flat().map(({ isAsync }) => isAsync)

onEachBackend('a long read or write of a file is a worker’s, and a short one is not', async (open) => {
  const ring = await open()
  const fd = openSync(path, 'r+')
  const enters = record(ring)
  const long = new Uint8Array(MIB)
  assert.equal(await ring.read(fd, long, { position: 0 }), MIB)
  assert.deepEqual(long, content.subarray(0, MIB))
  assert.equal(await ring.read(fd, long, { position: 0, length: MIB - 1 }), MIB - 1)
  assert.equal(await ring.readv(fd, [long, new Uint8Array(1)], 5), MIB + 1)
  assert.equal(await ring.readv(fd, [long.subarray(1)], 5), MIB - 1)
  assert.equal(await ring.write(fd, content.subarray(0, MIB), { position: 0 }), MIB)
  assert.equal(await ring.write(fd, content.subarray(0, 10), { position: 0 }), 10)
  assert.equal(await ring.writev(fd, [content.subarray(0, MIB), content.subarray(MIB, MIB + 9)], 0), MIB + 9)
  assert.equal(await ring.read(fd, long, { position: 0, async: false }), MIB)
  assert.equal(await ring.read(fd, long, { position: 0, length: 1, async: true }), 1)
  assert.deepEqual(asyncOnes(enters), [true, false, true, false, true, false, true, false, true])
  assert.ok(readFileSync(path).equals(content))
  closeSync(fd)
})

onEachBackend('where a read goes can be set when the ring is opened', async (open) => {
  const fd = openSync(path, 'r')
  for (const [asyncBytes, expected] of [
    [4096, [false, true]],
    [Number.POSITIVE_INFINITY, [false, false]],
  ] as const) {
    const ring = await open({ asyncBytes })
    const enters = record(ring)
    for (const bytes of [4095, 4096]) assert.equal(await ring.read(fd, new Uint8Array(bytes), { position: 1 }), bytes)
    assert.deepEqual(asyncOnes(enters), expected)
  }
  closeSync(fd)
})

onEachBackend('a long read of a pipe stays where it is, and can be cancelled', async (open) => {
  const ring = await open()
  const [from, to] = makePipe()
  const enters = record(ring)
  const long = new Uint8Array(2 * MIB)
  assert.equal(await ring.write(to, content.subarray(0, 3)), 3)
  assert.equal(await ring.read(from, long), 3)
  assert.deepEqual(long.subarray(0, 3), content.subarray(0, 3))
  const controller = new AbortController()
  const pending = ring.read(from, long, { signal: controller.signal })
  const later = ring.read(from, long)
  await new Promise(setImmediate)
  controller.abort()
  await assert.rejects(pending, { name: 'AbortError' })
  assert.equal(await ring.write(to, content.subarray(0, 5)), 5)
  assert.equal(await later, 5)
  assert.ok(asyncOnes(enters).every((isAsync) => !isAsync))
  closeSync(from)
  closeSync(to)
})

onEachBackend('a file open with O_DIRECT waits for the disk without a worker', async (open) => {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_DIRECT)
  } catch {
    return // this file system has none
  }
  const ring = await open()
  const enters = record(ring)
  // Whether the memory is aligned well enough does not matter here.
  await ring.read(fd, new Uint8Array(2 * MIB), { position: 0 }).catch(() => undefined)
  assert.deepEqual(asyncOnes(enters), [false])
  closeSync(fd)
})

onEachBackend('reads that are long together enter a portion at a time, and none is lost', async (open) => {
  const ring = await open()
  const fd = openSync(path, 'r')
  const enters = record(ring)
  const PART = 400 * KIB
  const buffers = Array.from({ length: 40 }, () => new Uint8Array(PART))
  const abort = new AbortController()
  const reads = buffers.map((buffer, i) =>
    i % 10 === 9
      ? ring.read(fd, buffer, { position: 0, signal: abort.signal }).catch(() => 'aborted')
      : ring.read(fd, buffer, { position: i * 100, link: i % 10 === 4 }),
  )
  abort.abort() // four of them never enter
  const nops = Promise.all(Array.from({ length: 600 }, () => ring.nop()))
  const results = await Promise.all(reads)
  results.forEach((result, i) => {
    assert.equal(result, i % 10 === 9 ? 'aborted' : PART)
    if (i % 10 !== 9)
      assert.ok(Buffer.compare(buffers[i]!, content.subarray(i * 100, i * 100 + PART)) === 0, `read ${i}`)
  })
  await nops
  const nrReads = enters.map((list) => list.filter(({ opcode }) => opcode === IORING_OP_READ).length)
  assert.equal(
    nrReads.reduce((sum, nr) => sum + nr, 0),
    36,
  )
  // Three reach the mebibyte; a chain of two stays together.
  assert.ok(Math.max(...nrReads) <= 4, `${Math.max(...nrReads)} reads entered at once`)
  assert.ok(asyncOnes(enters).every((isAsync) => !isAsync))
  closeSync(fd)
})
