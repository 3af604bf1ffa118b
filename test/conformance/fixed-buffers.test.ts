/**
 * Registered buffers: tables, READ_FIXED and WRITE_FIXED, their vectored kin, clones. Bodies for every backend that has
 * them.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { MADV_HUGEPAGE, MADV_NOHUGEPAGE } from '../../src/abi/advice.js'
import * as abi from '../../src/abi/constants.js'
import { EBUSY, EFAULT, EINVAL, ENXIO, EOVERFLOW } from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import {
  cloneBuffers,
  cloneBuffersOffset,
  iovecsOf,
  registerBuffers,
  registerBuffersSparse,
  registerBuffersTags,
  registerBuffersUpdateTag,
  registerFiles,
  unregisterBuffers,
} from '../../src/ring/register.js'
import { addressOf, Mapping } from '../../src/sys/memory.js'
import { equalRes, expectInOrder, expectNothing, expectRun, named, put, run, submit } from './cqes.js'
import { nop, sqe, withFields } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'

const NEEDS = {
  registers: [abi.IORING_REGISTER_BUFFERS, abi.IORING_REGISTER_BUFFERS2],
  opcodes: [abi.IORING_OP_READ_FIXED, abi.IORING_OP_WRITE_FIXED],
}
const VECTORS = { ...NEEDS, opcodes: [abi.IORING_OP_READV_FIXED, abi.IORING_OP_WRITEV_FIXED] }
const CLONES = { ...NEEDS, registers: [...NEEDS.registers, abi.IORING_REGISTER_CLONE_BUFFERS] }
const LINK = abi.IOSQE_IO_LINK
const FIXED = abi.IOSQE_FIXED_FILE
const MIB = 1024 * 1024

/** A read into `into`, which lies in buffer `index`. */
const readFixed = (fd: number, into: Uint8Array, off: number, index: number) =>
  sqe(prep.prepReadFixed, fd, addressOf(into), into.byteLength, off, index)
const writeFixed = (fd: number, from: Uint8Array, off: number, index: number) =>
  sqe(prep.prepWriteFixed, fd, addressOf(from), from.byteLength, off, index)
const string = (bytes: Uint8Array) => Buffer.from(bytes).toString()

conformance(
  'a registered buffer is read into and written from, in parts',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const fd = stand.file('file', '0123456789')
      const buffer = stand.alloc(4096)
      equalRes(registerBuffers(ring, iovecsOf([buffer])), 0, 'register')
      for (const way of [0, abi.IOSQE_ASYNC]) {
        expectRun(ring, readFixed(fd, buffer.subarray(100, 110), 0, 0), 10, 'read', way)
        assert.equal(string(buffer.subarray(100, 110)), '0123456789')
        expectRun(ring, writeFixed(fd, buffer.subarray(105, 108), 20, 0), 3, 'write', way)
        assert.equal(readFileSync(stand.path('file')).subarray(20).toString(), '567')
      }
    })
  },
  NEEDS,
)

conformance(
  'reads at any place of a large registered buffer land there',
  (stand) => {
    const ring = stand.openRing(8)
    const contents = Uint8Array.from({ length: 512 * 1024 }, (_, i) => (i >> 9) ^ i)
    const fd = stand.file('file', contents)
    const buffer = stand.alloc(contents.byteLength)
    equalRes(registerBuffers(ring, iovecsOf([buffer])), 0, 'register')
    for (const [at, length] of [
      [0, 4096],
      [4095, 2],
      [4096, 8192],
      [12_345, 100_000],
      [65_536 - 1, 65_536 + 2],
      [512 * 1024 - 7, 7],
      [0, 512 * 1024],
    ] as const) {
      buffer.fill(0xee)
      expectRun(ring, readFixed(fd, buffer.subarray(at, at + length), at, 0), length, `${length} at ${at}`)
      assert.ok(
        buffer.subarray(0, at).every((byte) => byte === 0xee),
        'nothing before it',
      )
      assert.equal(Buffer.compare(buffer.subarray(at, at + length), contents.subarray(at, at + length)), 0)
      assert.ok(
        buffer.subarray(at + length).every((byte) => byte === 0xee),
        'nothing behind it',
      )
    }
  },
  NEEDS,
)

/** Where a buffer begins, and its bytes, in a memory that begins at a huge page: across no page, one, and huge ones. */
const PLACES = [
  [2112, 4096],
  [4095, 2],
  [2 * MIB - 1, 2],
  [2 * MIB - 1984, 4096],
  [100, 4 * MIB - 200],
  [0, 2 * MIB],
] as const

for (const [pages, how] of [
  ['huge pages', MADV_HUGEPAGE],
  ['small pages', MADV_NOHUGEPAGE],
] as const) {
  conformance(
    `a buffer begins and ends anywhere behind a hole, on ${pages}`,
    (stand) => {
      const ring = stand.openRing(8)
      const contents = Uint8Array.from({ length: 4 * MIB }, (_, i) => (i >> 12) ^ i)
      const fd = stand.file('file', contents)
      const mapping = new Mapping(6 * MIB)
      const begin = 2 * MIB - (mapping.address % (2 * MIB))
      // Where the kernel has no huge pages, small ones do.
      run(ring, sqe(prep.prepMadvise, mapping.address, 6 * MIB, how))
      const memory = new Uint8Array(mapping.buffer, begin, 4 * MIB)
      for (const [at, length] of PLACES) {
        memory.fill(0xee)
        const buffer = memory.subarray(at, at + length)
        equalRes(registerBuffers(ring, iovecsOf([undefined, buffer])), 0, `register ${length} at ${at}`)
        expectRun(ring, readFixed(fd, buffer.subarray(0, 1), at, 0), -EFAULT, 'the hole')
        expectRun(ring, readFixed(fd, buffer, at, 1), length, `read ${length} at ${at}`)
        assert.equal(Buffer.compare(buffer, contents.subarray(at, at + length)), 0)
        // Its last byte by itself.
        expectRun(ring, readFixed(fd, buffer.subarray(length - 1), 7, 1), 1, 'the last byte')
        assert.equal(buffer[length - 1], contents[7])
        assert.equal(memory[at + length] ?? 0xee, 0xee, 'nothing behind it')
        assert.equal(memory[at - 1] ?? 0xee, 0xee, 'nothing before it')
        equalRes(unregisterBuffers(ring), 0, 'unregister')
      }
      ring.queueExit()
    },
    { ...NEEDS, opcodes: [...NEEDS.opcodes, abi.IORING_OP_MADVISE] },
  )
}

conformance(
  'a range outside the buffer, a hole and an index of nothing are bad addresses',
  (stand) => {
    const ring = stand.openRing(8)
    const fd = stand.file('file', 'text')
    const around = stand.alloc(8192)
    const buffer = around.subarray(2048, 6144)
    expectRun(ring, readFixed(fd, buffer, 0, 0), -EFAULT, 'no table')
    equalRes(registerBuffers(ring, iovecsOf([buffer, undefined])), 0, 'register')
    expectRun(ring, readFixed(fd, around.subarray(2047, 2100), 0, 0), -EFAULT, 'begins before it')
    expectRun(ring, readFixed(fd, around.subarray(6000, 6145), 0, 0), -EFAULT, 'ends behind it')
    expectRun(ring, readFixed(fd, buffer, 0, 1), -EFAULT, 'a hole')
    expectRun(ring, readFixed(fd, buffer.subarray(0, 0), 0, 1), -EFAULT, 'a hole, and nothing to read')
    expectRun(ring, readFixed(fd, buffer, 0, 2), -EFAULT, 'an index of nothing')
    expectRun(ring, readFixed(fd, buffer, 0, 0), 4, 'the buffer')
  },
  NEEDS,
)

conformance(
  'buffers are registered once, and unregistered once',
  (stand) => {
    const ring = stand.openRing(8)
    const vecs = iovecsOf([stand.alloc(4096)])
    equalRes(unregisterBuffers(ring), -ENXIO, 'unregister none')
    equalRes(registerBuffers(ring, vecs), 0, 'register')
    equalRes(registerBuffers(ring, vecs), -EBUSY, 'register twice')
    equalRes(unregisterBuffers(ring), 0, 'unregister')
    equalRes(unregisterBuffers(ring), -ENXIO, 'unregister twice')
  },
  NEEDS,
)

conformance(
  'what is no buffer cannot be registered',
  (stand) => {
    const ring = stand.openRing(8)
    equalRes(ring.register(abi.IORING_REGISTER_BUFFERS, iovecsOf([stand.alloc(8)]), 0), -EINVAL, 'none')
    equalRes(registerBuffers(ring, new BigUint64Array([0n, 4096n])), -EFAULT, 'no address')
    equalRes(registerBuffers(ring, new BigUint64Array([4096n, 4096n])), -EFAULT, 'an address of nothing')
    const huge = registerBuffers(ring, new BigUint64Array([4096n, 2n ** 40n]))
    assert.ok([-EFAULT, -EINVAL].includes(huge), named(huge))
    equalRes(registerBuffers(ring, new BigUint64Array(2 * 16385)), -EINVAL, 'too many')
    const tags = new BigUint64Array([5n])
    equalRes(registerBuffersTags(ring, iovecsOf([undefined]), tags), -EINVAL, 'a tag for a hole')
    equalRes(registerBuffers(ring, iovecsOf([undefined])), 0, 'a hole')
  },
  NEEDS,
)

conformance(
  'holes are filled, buffers are replaced, and their tags come back',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const fd = stand.file('file', 'text')
      const [a, b] = [stand.alloc(4096), stand.alloc(4096)]
      const tags = (...list: bigint[]) => new BigUint64Array(list)
      equalRes(registerBuffersUpdateTag(ring, 0, iovecsOf([a])), -ENXIO, 'update of no table')
      equalRes(registerBuffersSparse(ring, 4), 0, 'sparse')
      expectRun(ring, readFixed(fd, a, 0, 1), -EFAULT, 'a hole')
      equalRes(registerBuffersUpdateTag(ring, 1, iovecsOf([a, b]), tags(81n, 82n)), 2, 'fill')
      expectRun(ring, readFixed(fd, a, 0, 1), 4, 'a')
      expectRun(ring, readFixed(fd, b, 0, 2), 4, 'b')
      expectNothing(ring, 'both are there')
      equalRes(registerBuffersUpdateTag(ring, 1, iovecsOf([b])), 1, 'replace')
      expectInOrder(ring, '81:0')
      expectRun(ring, readFixed(fd, a, 0, 1), -EFAULT, 'a is there no more')
      equalRes(registerBuffersUpdateTag(ring, 3, iovecsOf([a, b])), -EINVAL, 'beyond the table')
      equalRes(unregisterBuffers(ring), 0, 'unregister')
      expectInOrder(ring, '82:0')
    })
  },
  NEEDS,
)

conformance(
  'a buffer lives until the request on it is done',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { readEnd, writeEnd } = stand.pipe()
      const buffer = stand.alloc(4096)
      equalRes(registerBuffersTags(ring, iovecsOf([buffer]), new BigUint64Array([81n])), 0, 'register')
      put(ring, 1, readFixed(readEnd, buffer, -1, 0))
      submit(ring, 1)
      equalRes(unregisterBuffers(ring), 0, 'unregister')
      expectNothing(ring, 'the read waits')
      stand.write(writeEnd, 'late')
      expectInOrder(ring, '1:4 81:0')
      assert.equal(string(buffer.subarray(0, 4)), 'late')
    })
  },
  NEEDS,
)

conformance(
  'registered buffers and files go together in a chain',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [from, to] = [stand.file('from', 'abcdefgh'), stand.file('to', '')]
      const buffer = stand.alloc(8)
      equalRes(registerBuffers(ring, iovecsOf([buffer])), 0, 'buffers')
      equalRes(registerFiles(ring, new Int32Array([from, to])), 0, 'files')
      put(ring, 1, readFixed(0, buffer, 0, 0), LINK | FIXED)
      put(ring, 2, writeFixed(1, buffer, 0, 0), LINK | FIXED)
      put(ring, 3, readFixed(1, buffer.subarray(0, 4), 4, 0), FIXED)
      submit(ring, 3)
      expectInOrder(ring, '1:8 2:8 3:4')
      assert.equal(string(buffer), 'efghefgh')
    })
  },
  NEEDS,
)

conformance(
  'devices are read into registered buffers and written from them',
  (stand) => {
    const ring = stand.openRing(8)
    const buffer = stand.alloc(65536)
    equalRes(registerBuffers(ring, iovecsOf([buffer])), 0, 'register')
    // A page at most: between two of them these devices look for signals, and what they have then is a short read.
    const page = buffer.subarray(60_001, 60_001 + 4096)
    expectRun(ring, readFixed(stand.open('/dev/urandom', 'r'), page, 0, 0), 4096, 'urandom')
    assert.ok(page.some((byte) => byte !== 0))
    expectRun(ring, readFixed(stand.open('/dev/zero', 'r'), page.subarray(1), 0, 0), 4095, 'zero')
    assert.ok(page.subarray(1).every((byte) => byte === 0))
    expectRun(ring, writeFixed(stand.open('/dev/null', 'w'), buffer, 0, 0), 65536, 'null')
  },
  NEEDS,
)

conformance(
  'a NOP finds a registered buffer, or not',
  (stand) => {
    const ring = stand.openRing(8)
    const withBuffer = (index: number) => withFields(nop(abi.IORING_NOP_FIXED_BUFFER), { buf_index: index })
    expectRun(ring, withBuffer(0), -EFAULT, 'no table')
    equalRes(registerBuffers(ring, iovecsOf([stand.alloc(64), undefined])), 0, 'register')
    expectRun(ring, withBuffer(0), 0, 'a buffer')
    expectRun(ring, withBuffer(1), -EFAULT, 'a hole')
  },
  NEEDS,
)

conformance(
  'iovecs inside a registered buffer scatter and gather',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const fd = stand.file('file', '0123456789')
      const buffer = stand.alloc(65536)
      equalRes(registerBuffers(ring, iovecsOf([buffer])), 0, 'register')
      const parts = [buffer.subarray(5000, 5004), buffer.subarray(10, 16)]
      const vecs = addressOf(stand.iovecs(parts))
      for (const way of [0, abi.IOSQE_ASYNC]) {
        buffer.fill(0)
        expectRun(ring, sqe(prep.prepReadvFixed, fd, vecs, 2, 0, 0, 0), 10, 'read', way)
        assert.deepEqual(parts.map(string), ['0123', '456789'])
        expectRun(ring, sqe(prep.prepWritevFixed, fd, vecs, 2, 10, 0, 0), 10, 'write', way)
        assert.equal(readFileSync(stand.path('file')).subarray(10, 20).toString(), '0123456789')
      }
    })
  },
  VECTORS,
)

conformance(
  'iovecs outside the registered buffer are refused',
  (stand) => {
    const ring = stand.openRing(8)
    const fd = stand.file('file', '0123456789')
    const around = stand.alloc(8192)
    const buffer = around.subarray(0, 4096)
    const readv = (parts: Uint8Array[], index = 0) =>
      sqe(prep.prepReadvFixed, fd, addressOf(stand.iovecs(parts)), parts.length, 0, 0, index)
    const refused = (res: number, what: string) => assert.ok([-EFAULT, -EINVAL].includes(res), `${what}: ${named(res)}`)
    refused(run(ring, readv([buffer])), 'no table')
    equalRes(registerBuffers(ring, iovecsOf([buffer])), 0, 'register')
    refused(run(ring, readv([buffer.subarray(0, 2), around.subarray(4000, 4100)])), 'ends behind it')
    refused(run(ring, readv([stand.alloc(8)])), 'elsewhere')
    refused(run(ring, readv([buffer], 1)), 'an index of nothing')
    refused(run(ring, sqe(prep.prepReadvFixed, fd, 0, 1, 0, 0, 0)), 'no iovecs')
    expectRun(ring, readv([buffer.subarray(0, 2), buffer.subarray(4094)]), 4, 'inside it')
  },
  VECTORS,
)

conformance(
  'a ring takes the buffers of another one over, and keeps them',
  (stand) => {
    const [mine, other] = [stand.openRing(8), stand.openRing(8)]
    const fd = stand.file('file', 'text')
    const buffers = [stand.alloc(4096), stand.alloc(4096)]
    equalRes(cloneBuffers(mine, other), -ENXIO, 'there are none')
    equalRes(registerBuffers(other, iovecsOf(buffers)), 0, 'register')
    equalRes(cloneBuffers(mine, other), 0, 'clone')
    equalRes(cloneBuffers(mine, other), -EBUSY, 'clone twice')
    equalRes(unregisterBuffers(other), 0, 'unregister')
    other.queueExit()
    for (const [i, buffer] of buffers.entries()) expectRun(mine, readFixed(fd, buffer, 0, i), 4, `buffer ${i}`)
    equalRes(unregisterBuffers(mine), 0, 'unregister the clones')
    expectRun(mine, readFixed(fd, buffers[0]!, 0, 0), -EFAULT, 'they are gone')
  },
  CLONES,
)

conformance(
  'some buffers are cloned to a place of their own',
  (stand) => {
    const [mine, other] = [stand.openRing(8), stand.openRing(8)]
    const fd = stand.file('file', 'text')
    const buffers = [stand.alloc(4096), stand.alloc(4096), stand.alloc(4096)]
    const REPLACE = abi.IORING_REGISTER_DST_REPLACE
    equalRes(registerBuffers(other, iovecsOf(buffers)), 0, 'register')
    equalRes(cloneBuffersOffset(mine, other, 2, 1, 2, 0), 0, 'two of them, behind holes')
    expectRun(mine, readFixed(fd, buffers[0]!, 0, 0), -EFAULT, 'a hole')
    expectRun(mine, readFixed(fd, buffers[1]!, 0, 2), 4, 'the first of them')
    expectRun(mine, readFixed(fd, buffers[2]!, 0, 3), 4, 'the second of them')
    equalRes(cloneBuffersOffset(mine, other, 2, 0, 1, 0), -EBUSY, 'there are some')
    equalRes(cloneBuffersOffset(mine, other, 2, 0, 1, REPLACE), 0, 'one is replaced')
    expectRun(mine, readFixed(fd, buffers[0]!, 0, 2), 4, 'the new one')
    expectRun(mine, readFixed(fd, buffers[2]!, 0, 3), 4, 'the old one beside it')
    const beyond = cloneBuffersOffset(mine, other, 0, 2, 2, REPLACE)
    assert.ok([-EOVERFLOW, -EINVAL].includes(beyond), named(beyond))
    equalRes(cloneBuffersOffset(mine, other, 0, 0, 0, 0x100), -EINVAL, 'an unknown flag')
  },
  CLONES,
)
