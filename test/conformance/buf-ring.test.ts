/**
 * Provided buffers: buffer rings, plain and incremental, the older groups, READ_MULTISHOT. Bodies for every backend that
 * has them.
 */
import assert from 'node:assert/strict'
import { writeSync } from 'node:fs'
import * as abi from '../../src/abi/constants.js'
import { EBADFD, EEXIST, EFAULT, EINVAL, ENOBUFS, ENOENT } from '../../src/lib/errno.js'
import { BufRing, bufferOf, registerBufRing, setupBufRing, unregisterBufRing } from '../../src/ring/buf-ring.js'
import type { Cqe } from '../../src/ring/cq.js'
import * as prep from '../../src/ring/prep.js'
import type { Ring } from '../../src/ring/ring.js'
import { addressOf, Mapping } from '../../src/sys/memory.js'
import {
  drain,
  equalRes,
  expectAnyOrder,
  expectInOrder,
  expectNothing,
  expectRun,
  named,
  put,
  reap,
  run,
  submit,
  text,
} from './cqes.js'
import { type Fill, readTo, sqe } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import type { Stand } from './stand.js'

const NEEDS = { registers: [abi.IORING_REGISTER_PBUF_RING] }
const STATUS = { registers: [abi.IORING_REGISTER_PBUF_RING, abi.IORING_REGISTER_PBUF_STATUS] }
const MULTISHOT = { ...NEEDS, opcodes: [abi.IORING_OP_READ_MULTISHOT] }
const GROUPS = { opcodes: [abi.IORING_OP_PROVIDE_BUFFERS, abi.IORING_OP_REMOVE_BUFFERS] }
const SELECT = abi.IOSQE_BUFFER_SELECT
const MORE = abi.IORING_CQE_F_MORE
const BUFFER = abi.IORING_CQE_F_BUFFER
const BUF_MORE = abi.IORING_CQE_F_BUF_MORE
const BGID = 7
const BYTES = 64

/** A buffer ring whose buffer n is the n-th part of `memory`; freed afterwards. */
function givenRing(stand: Stand, ring: Ring, nrBuffers: number, flags = 0, bytes = BYTES) {
  const memory = stand.alloc(nrBuffers * bytes)
  const group = made(setupBufRing(ring, nrBuffers, BGID, flags))
  const part = (bid: number) => memory.subarray(bid * bytes, (bid + 1) * bytes)
  const give = (bid: number) => group.give(addressOf(part(bid)), bytes, bid)
  for (let bid = 0; bid < nrBuffers; bid++) give(bid)
  return { group, part, give }
}

function made(group: BufRing | number): BufRing {
  assert.ok(group instanceof BufRing, `setupBufRing: ${typeof group === 'number' ? named(group) : ''}`)
  return group
}

/** A read into a buffer of the group, of at most `len` bytes, 0 for all of it. */
const select =
  (fd: number, len = 0, off = -1): Fill =>
  (words, at) => {
    readTo(fd, 0, len, off)(words, at)
    prep.setBufGroup(words, at, BGID)
  }

const multishot = (fd: number, len = 0) => sqe(prep.prepReadMultishot, fd, len, -1, BGID)
const string = (bytes: Uint8Array) => Buffer.from(bytes).toString()
const used = (bid: number) => (bid << abi.IORING_CQE_BUFFER_SHIFT) | BUFFER

conformance(
  'a read takes the next buffer of its ring, and says which',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      for (const flags of [0, abi.IOU_PBUF_RING_MMAP]) {
        const { group, part } = givenRing(stand, ring, 4, flags)
        const { readEnd, writeEnd } = stand.pipe()
        for (const bid of [0, 1]) {
          writeSync(writeEnd, `data${bid}`)
          put(ring, 1, select(readEnd), SELECT)
          submit(ring, 1)
          const [cqe] = reap(ring, 1)
          assert.equal(cqe!.res, 5)
          assert.equal(bufferOf(cqe!.flags), bid)
          assert.equal(string(part(bid).subarray(0, 5)), `data${bid}`)
        }
        equalRes(group.free(), 0, 'free')
      }
    })
  },
  NEEDS,
)

conformance(
  'a file is read into buffers, as many bytes as fit and as are asked for',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { group } = givenRing(stand, ring, 4)
      const fd = stand.file('file', 'x'.repeat(1000))
      expectRun(ring, select(fd, 0, 0), BYTES, 'a whole buffer', SELECT)
      expectRun(ring, select(fd, 10, 0), 10, 'less than a buffer', SELECT)
      expectRun(ring, select(fd, 500, 0), BYTES, 'more than a buffer', SELECT)
      group.free()
    })
  },
  NEEDS,
)

conformance(
  'an empty ring has no buffer to give, until one is given back',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { group, give } = givenRing(stand, ring, 2)
      const fd = stand.file('file', 'x'.repeat(100))
      for (let round = 0; round < 50; round++) {
        const bids = [0, 1].map(() => {
          put(ring, 1, select(fd, 1, 0), SELECT)
          submit(ring, 1)
          const [cqe] = reap(ring, 1)
          assert.equal(cqe!.res, 1)
          return bufferOf(cqe!.flags)
        })
        assert.deepEqual(bids, [0, 1], `round ${round}`)
        expectRun(ring, select(fd, 1, 0), -ENOBUFS, 'both are taken', SELECT)
        give(0)
        give(1)
      }
      group.free()
    })
  },
  NEEDS,
)

conformance(
  'a ring of buffers goes round beyond 65536',
  (stand) => {
    const ring = stand.openRing(64)
    const { group, give } = givenRing(stand, ring, 32)
    const fd = stand.file('file', 'x')
    for (let round = 0; round < 2100; round++) {
      for (let i = 0; i < 32; i++) put(ring, i, select(fd, 1, 0), SELECT)
      submit(ring, 32)
      for (const { res, flags } of reap(ring, 32)) {
        assert.equal(res, 1)
        give(bufferOf(flags)!)
      }
    }
    expectRun(ring, select(fd, 1, 0), 1, 'one more', SELECT)
    group.free()
  },
  NEEDS,
)

conformance(
  'buffer rings are registered once, and what is none is refused',
  (stand) => {
    const ring = stand.openRing(8)
    const memory = new Mapping(16384)
    const register = (entries: number, bgid = BGID, flags = 0, at = memory.address) =>
      registerBufRing(ring, at, entries, bgid, flags)
    equalRes(unregisterBufRing(ring, BGID), -ENOENT, 'unregister none')
    for (const entries of [0, 3, 65536]) equalRes(register(entries), -EINVAL, `${entries} entries`)
    equalRes(register(4, BGID, 0x100), -EINVAL, 'an unknown flag')
    equalRes(register(4, BGID, 0, memory.address + 16), -EINVAL, 'not at a page')
    equalRes(register(4, BGID, 0, 0), -EFAULT, 'no memory')
    equalRes(register(4), 0, 'register')
    equalRes(register(4), -EEXIST, 'the same group')
    equalRes(register(4, BGID + 1), 0, 'another group')
    equalRes(unregisterBufRing(ring, BGID), 0, 'unregister')
    equalRes(unregisterBufRing(ring, BGID), -ENOENT, 'unregister twice')
    expectRun(ring, select(stand.file('file', 'x'), 1, 0), -ENOBUFS, 'a read of no group', SELECT)
    ring.queueExit()
  },
  NEEDS,
)

conformance(
  'a waiting read takes its buffer when the data comes',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { group, part } = givenRing(stand, ring, 1)
      const pipes = [stand.pipe(), stand.pipe()]
      for (const [i, { readEnd }] of pipes.entries()) put(ring, i, select(readEnd), SELECT)
      submit(ring, 2)
      expectNothing(ring, 'both pipes are empty')
      writeSync(pipes[1]!.writeEnd, 'second')
      expectInOrder(ring, `1:6/0x${used(0).toString(16)}`)
      assert.equal(string(part(0).subarray(0, 6)), 'second')
      writeSync(pipes[0]!.writeEnd, 'first')
      expectInOrder(ring, '0:-ENOBUFS')
      group.free()
    })
  },
  NEEDS,
)

conformance(
  'the head of a buffer ring is told',
  (stand) => {
    const ring = stand.openRing(8)
    const { group } = givenRing(stand, ring, 4)
    const fd = stand.file('file', 'x')
    equalRes(group.head(), 0, 'head')
    equalRes(group.available(), 4, 'available')
    for (let i = 1; i <= 4; i++) {
      expectRun(ring, select(fd, 1, 0), 1, 'read', SELECT)
      equalRes(group.head(), i, 'head')
      equalRes(group.available(), 4 - i, 'available')
    }
    group.free()
    equalRes(group.head(), -ENOENT, 'head of none')
  },
  STATUS,
)

conformance(
  'an incremental buffer is used piece by piece',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { group, part } = givenRing(stand, ring, 2, abi.IOU_PBUF_RING_INC)
      const fd = stand.file('file', 'abcdefghij'.repeat(20))
      const expectPiece = (res: number, bid: number, isMore: boolean) => {
        put(ring, 1, select(fd, 20, 0), SELECT)
        submit(ring, 1)
        const flags = used(bid) | (isMore ? BUF_MORE : 0)
        expectInOrder(ring, `1:${res}/0x${flags.toString(16)}`)
      }
      for (let i = 0; i < 3; i++) expectPiece(20, 0, true)
      // Four bytes of it are left.
      expectPiece(4, 0, false)
      assert.equal(string(part(0)), `${'abcdefghijabcdefghij'.repeat(3)}abcd`)
      expectPiece(20, 1, true)
      group.free()
    })
  },
  NEEDS,
)

/** The payloads of a multishot read so far, and its end if it came. */
interface Shots {
  pieces: string[]
  end: Cqe | undefined
}

function collect(ring: Ring, part: (bid: number) => Uint8Array, enough: (shots: Shots) => boolean): Shots {
  const shots: Shots = { pieces: [], end: undefined }
  while (!enough(shots)) {
    for (const cqe of reap(ring, 1)) {
      const bid = bufferOf(cqe.flags)
      if (bid !== undefined) shots.pieces.push(string(part(bid).subarray(0, cqe.res)))
      if ((cqe.flags & MORE) === 0) shots.end = cqe
    }
  }
  return shots
}

conformance(
  'a multishot read of a pipe completes for each piece of data, and ends with the pipe',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { group, part } = givenRing(stand, ring, 16)
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, 1, multishot(readEnd))
      submit(ring, 1)
      expectNothing(ring, 'the pipe is empty')
      for (const piece of ['one', 'two', 'three']) {
        writeSync(writeEnd, piece)
        assert.deepEqual(collect(ring, part, ({ pieces }) => pieces.length === 1).pieces, [piece])
      }
      stand.closeFd(writeEnd)
      const { end } = collect(ring, part, (shots) => shots.end !== undefined)
      assert.equal(end!.res, 0)
      group.free()
    })
  },
  MULTISHOT,
)

conformance(
  'a multishot read takes all of a pipe with small buffers, and ends when there are none',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { group, part, give } = givenRing(stand, ring, 4)
      const { readEnd, writeEnd } = stand.pipe()
      const contents = 'abcdefghijklmnop'.repeat(40)
      writeSync(writeEnd, contents)
      stand.closeFd(writeEnd)
      let received = ''
      const ends: string[] = []
      while (ends.at(-1) !== '0') {
        put(ring, 1, multishot(readEnd))
        submit(ring, 1)
        const { pieces, end } = collect(ring, part, (shots) => shots.end !== undefined)
        received += pieces.join('')
        ends.push(named(end!.res))
        for (let bid = 0; bid < 4; bid++) give(bid)
      }
      assert.equal(received, contents)
      assert.deepEqual(ends, ['-ENOBUFS', '-ENOBUFS', '0'], 'four buffers of 64 bytes at a time')
      group.free()
    })
  },
  MULTISHOT,
)

conformance(
  'a multishot read is cancelled',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { group, part } = givenRing(stand, ring, 4)
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, 1, multishot(readEnd))
      submit(ring, 1)
      writeSync(writeEnd, 'data')
      collect(ring, part, ({ pieces }) => pieces.length === 1)
      put(ring, 2, sqe(prep.prepCancel, 1))
      submit(ring, 1)
      expectAnyOrder(ring, '1:-ECANCELED 2:0')
      group.free()
    })
  },
  MULTISHOT,
)

conformance(
  'a multishot read whose completions find no room ends, and loses nothing',
  (stand) => {
    const ring = stand.openRing(2, { cqEntries: 2 })
    const { group, part } = givenRing(stand, ring, 8)
    const { readEnd, writeEnd } = stand.pipe()
    put(ring, 1, multishot(readEnd))
    submit(ring, 1)
    const written = ['a', 'b', 'c', 'd']
    for (const piece of written) {
      writeSync(writeEnd, piece)
      ring.getEvents()
    }
    const { pieces, end } = collect(ring, part, (shots) => shots.end !== undefined)
    assert.ok(end!.res >= 0, named(end!.res))
    // What it did not take is still in the pipe.
    if (pieces.length < written.length) {
      put(ring, 2, select(readEnd), SELECT)
      submit(ring, 1)
      const [rest] = reap(ring, 1)
      pieces.push(string(part(bufferOf(rest!.flags)!).subarray(0, rest!.res)))
    }
    assert.equal(pieces.join(''), written.join(''))
    group.free()
  },
  MULTISHOT,
)

conformance(
  'a multishot read into incremental buffers lands back to back',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { group, part } = givenRing(stand, ring, 1, abi.IOU_PBUF_RING_INC)
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, 1, multishot(readEnd))
      submit(ring, 1)
      for (const piece of ['back', '-to-', 'back']) {
        writeSync(writeEnd, piece)
        const flags = used(0) | MORE | BUF_MORE
        expectInOrder(ring, `1:4/0x${flags.toString(16)}`)
      }
      assert.equal(string(part(0).subarray(0, 12)), 'back-to-back')
      put(ring, 2, sqe(prep.prepCancel, 1))
      submit(ring, 1)
      expectAnyOrder(ring, '1:-ECANCELED 2:0')
      group.free()
    })
  },
  MULTISHOT,
)

conformance(
  'a multishot read of a file that cannot be polled is refused',
  (stand) => {
    const ring = stand.openRing(8)
    const { group } = givenRing(stand, ring, 4)
    expectRun(ring, multishot(stand.file('file', 'text')), -EBADFD, 'a file')
    group.free()
  },
  MULTISHOT,
)

conformance(
  'buffers of the older kind are used once each, and taken back',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const memory = stand.alloc(4 * BYTES)
      const provide = (nr: number, bid = 0) => sqe(prep.prepProvideBuffers, addressOf(memory), BYTES, nr, BGID, bid)
      const remove = (nr: number) => sqe(prep.prepRemoveBuffers, nr, BGID)
      const fd = stand.file('file', 'x'.repeat(100))
      expectRun(ring, remove(1), -ENOENT, 'of no group')
      expectRun(ring, provide(4, 10), 0, 'provide')
      const bids = [0, 1].map(() => {
        put(ring, 1, select(fd, 0, 0), SELECT)
        submit(ring, 1)
        const [cqe] = reap(ring, 1)
        assert.equal(cqe!.res, BYTES)
        return bufferOf(cqe!.flags)!
      })
      assert.equal(new Set(bids).size, 2)
      assert.ok(bids.every((bid) => bid >= 10 && bid < 14))
      expectRun(ring, remove(9), 2, 'what is left')
      expectRun(ring, select(fd, 0, 0), -ENOBUFS, 'nothing is left', SELECT)
      const none = run(ring, provide(0))
      assert.ok(['-E2BIG', '-EINVAL'].includes(named(none)), named(none))
      const beyond = run(ring, provide(2, 65535))
      assert.ok(['-E2BIG', '-EINVAL'].includes(named(beyond)), named(beyond))
    })
  },
  GROUPS,
)

conformance(
  'a group is of one kind',
  (stand) => {
    const ring = stand.openRing(8)
    const memory = stand.alloc(BYTES)
    const provide = sqe(prep.prepProvideBuffers, addressOf(memory), BYTES, 1, BGID, 0)
    expectRun(ring, provide, 0, 'provide')
    equalRes(unregisterBufRing(ring, BGID), -EINVAL, 'it is no ring')
    const group = setupBufRing(ring, 4, BGID)
    equalRes(typeof group === 'number' ? group : 0, -EEXIST, 'a ring of the same group')
    expectRun(ring, sqe(prep.prepRemoveBuffers, 1, BGID), 1, 'remove')
    const then = made(setupBufRing(ring, 4, BGID))
    expectRun(ring, provide, -EINVAL, 'provide to a ring')
    expectRun(ring, sqe(prep.prepRemoveBuffers, 1, BGID), -EINVAL, 'remove from a ring')
    then.free()
    assert.deepEqual(drain(ring).map(text), [])
  },
  { ...NEEDS, ...GROUPS },
)
