/**
 * Receives into groups of buffers, where messages and buffers do not match: short ones, long ones, pieces, several
 * sockets. Bodies for every backend that has them.
 */
import assert from 'node:assert/strict'
import * as abi from '../../src/abi/constants.js'
import { MSG_TRUNC, MSGHDR, SOCK_DGRAM } from '../../src/abi/socket.js'
import { EEXIST, EINVAL, ENOBUFS } from '../../src/lib/errno.js'
import { BufRing, bufferOf, setupBufRing } from '../../src/ring/buf-ring.js'
import type { Cqe } from '../../src/ring/cq.js'
import * as prep from '../../src/ring/prep.js'
import { registerFiles, registerFilesUpdate, unregisterFiles } from '../../src/ring/register.js'
import type { Ring } from '../../src/ring/ring.js'
import { recvmsgOut } from '../../src/ring/sockaddr.js'
import { addressOf } from '../../src/sys/memory.js'
import { drain, equalRes, expectAnyOrder, expectInOrder, expectNothing, expectRun, put, reap, submit } from './cqes.js'
import { type Fill, read, sqe } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import { msghdr, socketPair } from './sockets.js'
import type { Stand } from './stand.js'

const RECV = { opcodes: [abi.IORING_OP_RECV, abi.IORING_OP_SEND], registers: [abi.IORING_REGISTER_PBUF_RING] }
const BUNDLES = { ...RECV, features: abi.IORING_FEAT_RECVSEND_BUNDLE }
const { IORING_CQE_F_BUF_MORE: BUF_MORE, IORING_CQE_F_MORE: MORE } = abi
const BGID = 5

interface Group {
  readonly ring: BufRing
  readonly part: (bid: number) => Uint8Array
  readonly memory: Uint8Array
}

/** A group of one buffer for each length, side by side in one memory. */
function groupOf(stand: Stand, ring: Ring, lengths: readonly number[], flags = 0): Group {
  const memory = stand.alloc(lengths.reduce((sum, length) => sum + length, 0))
  const made = setupBufRing(ring, lengths.length, BGID, flags)
  assert.ok(made instanceof BufRing, 'a buffer ring')
  const offsets = lengths.map((_, bid) => lengths.slice(0, bid).reduce((sum, length) => sum + length, 0))
  const part = (bid: number) => memory.subarray(offsets[bid]!, offsets[bid]! + lengths[bid]!)
  for (const [bid, length] of lengths.entries()) made.give(addressOf(memory) + offsets[bid]!, length, bid)
  return { ring: made, part, memory }
}

function recv(fd: number, ioprio: number): Fill {
  return (words, at) => {
    prep.prepRecv(words, at, fd, 0, 0, 0)
    prep.setIoprio(words, at, ioprio)
    prep.setBufGroup(words, at, BGID)
    prep.setFlags(words, at, abi.IOSQE_BUFFER_SELECT)
  }
}

function readInto(fd: number): Fill {
  return (words, at) => {
    prep.prepRead(words, at, fd, 0, 0, -1)
    prep.setBufGroup(words, at, BGID)
    prep.setFlags(words, at, abi.IOSQE_BUFFER_SELECT)
  }
}

const MULTISHOT = abi.IORING_RECV_MULTISHOT
const BUNDLE = abi.IORING_RECVSEND_BUNDLE
const string = (bytes: Uint8Array) => Buffer.from(bytes).toString()

/** What is in the buffers that a completion used, from the first one on. */
function dataOf({ part }: Group, { res, flags }: Cqe): string {
  let data = ''
  for (let bid = bufferOf(flags)!; data.length < res; bid++) data += string(part(bid).subarray(0, res - data.length))
  return data
}

conformance(
  'a bundle goes over buffers of several lengths, and ends in the middle of one',
  (stand) => {
    const ring = stand.openRing(8)
    const [a, b] = socketPair(stand)
    const lengths = [4, 16, 8, 32]
    const group = groupOf(stand, ring, lengths)
    const TEXT = 'abcdefghijklmnopqrstuvw'
    stand.write(b, TEXT)
    let data = ''
    let next = 0
    // How many buffers one bundle takes is the kernel's affair.
    while (data.length < TEXT.length) {
      put(ring, 1, recv(a, BUNDLE))
      submit(ring, 1)
      const [cqe] = reap(ring, 1)
      assert.equal(bufferOf(cqe!.flags), next, 'it begins where the last one ended')
      data += dataOf(group, cqe!)
      next = lengths.length - group.ring.available()
    }
    assert.equal(data, TEXT)
    // The one that was begun is used up.
    assert.equal(next, 3)
    stand.write(b, 'rest')
    put(ring, 2, recv(a, BUNDLE))
    submit(ring, 1)
    const [last] = reap(ring, 1)
    assert.deepEqual([bufferOf(last!.flags), dataOf(group, last!)], [3, 'rest'])
  },
  BUNDLES,
)

conformance(
  'a bundle into incremental buffers goes on where the last one ended',
  (stand) => {
    const ring = stand.openRing(8)
    const [a, b] = socketPair(stand)
    const group = groupOf(stand, ring, [16, 16], abi.IOU_PBUF_RING_INC)
    const took: string[] = []
    for (const text of ['hello', 'dear', 'world!?']) {
      stand.write(b, text)
      put(ring, 1, recv(a, BUNDLE))
      submit(ring, 1)
      const [cqe] = reap(ring, 1)
      assert.equal(cqe!.res, text.length)
      took.push(`${bufferOf(cqe!.flags)}${(cqe!.flags & BUF_MORE) === 0 ? ' used up' : ''}`)
    }
    assert.equal(string(group.memory.subarray(0, 16)), 'hellodearworld!?')
    assert.deepEqual(took, ['0', '0', '0 used up'])
  },
  BUNDLES,
)

conformance(
  'multishot receives of several sockets share a group, and no buffer goes to two of them',
  (stand) => {
    inEachMode(stand, 16, (ring) => {
      const pairs = [0, 1, 2, 3].map(() => socketPair(stand))
      const group = groupOf(stand, ring, new Array<number>(8).fill(16))
      for (const [i, [a]] of pairs.entries()) put(ring, i, recv(a, MULTISHOT))
      submit(ring, 4)
      for (let round = 0; round < 20; round++) {
        for (const [i, [, b]] of pairs.entries()) stand.write(b, `${round}:${i}`)
        const cqes = reap(ring, 4)
        assert.equal(new Set(cqes.map(({ flags }) => bufferOf(flags))).size, 4)
        for (const cqe of cqes) {
          assert.equal(dataOf(group, cqe), `${round}:${cqe.userData}`)
          assert.notEqual(cqe.flags & MORE, 0)
          const bid = bufferOf(cqe.flags)!
          group.ring.give(addressOf(group.memory) + bid * 16, 16, bid)
        }
      }
    })
  },
  RECV,
)

conformance(
  'a multishot receive takes all that was sent before the other end was shut down, then says so',
  (stand) => {
    const ring = stand.openRing(16)
    const [a, b] = socketPair(stand)
    const group = groupOf(stand, ring, new Array<number>(8).fill(8))
    put(ring, 1, recv(a, MULTISHOT))
    submit(ring, 1)
    stand.write(b, 'a message, of 30 bytes exactly')
    put(ring, 2, sqe(prep.prepShutdown, b, 2))
    submit(ring, 1)
    let data = ''
    let last: Cqe | undefined
    while (last === undefined) {
      const [cqe] = reap(ring, 1)
      if (cqe!.userData === 2) continue
      if (cqe!.res > 0) data += dataOf(group, cqe!)
      if ((cqe!.flags & MORE) === 0) last = cqe
    }
    assert.equal(last.res, 0)
    assert.equal(data, 'a message, of 30 bytes exactly')
    drain(ring)
  },
  { ...RECV, opcodes: [...RECV.opcodes, abi.IORING_OP_SHUTDOWN] },
)

conformance(
  'a group whose memory the kernel has is filled, used up, freed and made again',
  (stand) => {
    const ring = stand.openRing(8)
    for (let round = 0; round < 50; round++) {
      const { readEnd, writeEnd } = stand.pipe()
      const group = groupOf(stand, ring, [4, 4], abi.IOU_PBUF_RING_MMAP)
      stand.write(writeEnd, 'one.two.')
      for (const [i, text] of ['one.', 'two.'].entries()) {
        put(ring, i, readInto(readEnd))
        submit(ring, 1)
        const [cqe] = reap(ring, 1)
        assert.deepEqual([bufferOf(cqe!.flags), dataOf(group, cqe!)], [i, text])
      }
      equalRes(group.ring.available(), 0, 'available')
      stand.write(writeEnd, 'more')
      expectRun(ring, readInto(readEnd), -ENOBUFS, 'a read without a buffer')
      equalRes(group.ring.free(), 0, 'free')
      stand.closeFd(readEnd)
      stand.closeFd(writeEnd)
    }
  },
  RECV,
)

conformance(
  'a group of single buffers that is used up becomes a ring, and what waited takes its buffer from there',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const pairs = [socketPair(stand), socketPair(stand)]
      const old = stand.alloc(16)
      expectRun(ring, sqe(prep.prepProvideBuffers, addressOf(old), 16, 1, BGID, 7), 0, 'provide')
      for (const [i, [a]] of pairs.entries()) put(ring, i, recv(a, 0))
      submit(ring, 2)
      expectNothing(ring, 'nothing was sent')
      // Who waits has no buffer yet.
      assert.equal(setupBufRing(ring, 2, BGID), -EEXIST, 'a group that has a buffer')
      stand.write(pairs[0]![1], 'old')
      const [first] = reap(ring, 1)
      assert.deepEqual([first!.userData, first!.res, bufferOf(first!.flags)], [0, 3, 7])
      const group = groupOf(stand, ring, [16, 16])
      stand.write(pairs[1]![1], 'newer')
      const [second] = reap(ring, 1)
      assert.deepEqual([second!.userData, second!.res, bufferOf(second!.flags)], [1, 5, 0])
      assert.equal(dataOf(group, second!), 'newer')
      assert.equal(string(old.subarray(0, 5)), 'old\0\0')
      equalRes(group.ring.free(), 0, 'free')
    })
  },
  { ...RECV, opcodes: [...RECV.opcodes, abi.IORING_OP_PROVIDE_BUFFERS] },
)

/** An incremental group of buffers of `bytes` each, of which a rest of less than `minLeft` is not used; or -errno. */
function groupWithLimit(stand: Stand, ring: Ring, nrBuffers: number, bytes: number, minLeft: number): Group | number {
  const made = setupBufRing(ring, nrBuffers, BGID, abi.IOU_PBUF_RING_INC, minLeft)
  if (typeof made === 'number') return made
  const memory = stand.alloc(nrBuffers * bytes)
  const part = (bid: number) => memory.subarray(bid * bytes, (bid + 1) * bytes)
  for (let bid = 0; bid < nrBuffers; bid++) made.give(addressOf(part(bid)), bytes, bid)
  return { ring: made, part, memory }
}

/** What a message in a buffer has before its payload, with room for a name of 16 bytes. */
const HEAD = 32

conformance(
  'messages lie back to back in incremental buffers, and a rest too short for the next is passed over',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const group = groupWithLimit(stand, ring, 4, 128, HEAD)
      // Without it a message that finds a rest too short for its head is refused with -EFAULT.
      if (group === -EINVAL) return
      assert.equal(setupBufRing(ring, 2, BGID + 1, 0, HEAD), -EINVAL, 'of buffers that are used whole')
      assert.ok(typeof group !== 'number', `register: ${group}`)
      const [a, b] = socketPair(stand, SOCK_DGRAM)
      const header = msghdr(stand, [])
      header.view.setUint32(MSGHDR.at.msg_namelen, 16, true)
      put(ring, 1, (words, at) => {
        prep.prepRecvmsgMultishot(words, at, a, header.address, 0)
        prep.setBufGroup(words, at, BGID)
        prep.setFlags(words, at, abi.IOSQE_BUFFER_SELECT)
      })
      submit(ring, 1)
      const offsets = [0, 0, 0, 0]
      // Two fill a buffer, or leave 4 bytes of it; one leaves 37; two more do not find room for all of it.
      for (const [bytes, bid, isUsedUp, isCut] of [
        [32, 0, false],
        [32, 0, true],
        [30, 1, false],
        [30, 1, true],
        [59, 2, false],
        [59, 2, true, true],
        [200, 3, true, true],
      ] as const) {
        const sent = String.fromCharCode(97 + bid).repeat(bytes)
        stand.write(b, sent)
        const [cqe] = reap(ring, 1)
        assert.equal(bufferOf(cqe!.flags), bid)
        assert.equal((cqe!.flags & BUF_MORE) === 0, isUsedUp, `whether buffer ${bid} is used up`)
        const end = offsets[bid]! + cqe!.res
        const out = recvmsgOut(group.part(bid).subarray(offsets[bid], end), 16, 0)
        offsets[bid] = end
        assert.ok(out !== undefined)
        const room = 128 - (end - cqe!.res) - HEAD
        assert.equal(string(out.payload), sent.slice(0, room))
        assert.equal((out.flags & MSG_TRUNC) !== 0, isCut ?? false)
      }
      assert.deepEqual(offsets, [128, 124, 128, 128])
      expectInOrder(ring, '1:-ENOBUFS')
      equalRes(group.ring.free(), 0, 'free')
    })
  },
  { ...RECV, opcodes: [...RECV.opcodes, abi.IORING_OP_RECVMSG] },
)

conformance(
  'registered files are taken away in any order while requests use them',
  (stand) => {
    const ring = stand.openRing(8)
    const pipes = [0, 1, 2, 3].map(() => stand.pipe())
    equalRes(
      registerFiles(
        ring,
        Int32Array.from(pipes, ({ readEnd }) => readEnd),
      ),
      0,
      'registerFiles',
    )
    for (let i = 0; i < 4; i++) put(ring, i, read(i, stand.alloc(1)), abi.IOSQE_FIXED_FILE)
    submit(ring, 4)
    for (const slot of [2, 0, 3]) equalRes(registerFilesUpdate(ring, slot, new Int32Array([-1])), 1, `slot ${slot}`)
    equalRes(unregisterFiles(ring), 0, 'unregisterFiles')
    expectNothing(ring, 'the requests hold their files')
    for (const i of [3, 1]) stand.write(pipes[i]!.writeEnd, 'x')
    expectAnyOrder(ring, '3:1 1:1')
    for (const i of [0, 2]) stand.write(pipes[i]!.writeEnd, 'x')
    expectAnyOrder(ring, '0:1 2:1')
    equalRes(registerFiles(ring, Int32Array.of(pipes[0]!.readEnd)), 0, 'registerFiles again')
    stand.write(pipes[0]!.writeEnd, 'x')
    put(ring, 5, read(0, stand.alloc(1)), abi.IOSQE_FIXED_FILE)
    submit(ring, 1)
    expectInOrder(ring, '5:1')
  },
  { registers: [abi.IORING_REGISTER_FILES] },
)
