/**
 * MSG_RING: completions and registered files for another ring. Bodies for every backend that has it.
 */
import assert from 'node:assert/strict'
import * as abi from '../../src/abi/constants.js'
import { EBADF, EBADFD, EINVAL, ENFILE, ENXIO } from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import { enableRings, registerFiles, registerFilesSparse, registerSyncMsg } from '../../src/ring/register.js'
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
  submit,
  text,
} from './cqes.js'
import { read, sqe, withFields } from './fills.js'
import { conformance } from './harness.js'
import { DEFER, inEachMode } from './modes.js'
import { inThread } from './other-thread.js'
import { socketPair } from './sockets.js'

const NEEDS = { opcodes: [abi.IORING_OP_MSG_RING] }
const FILES = { ...NEEDS, registers: [abi.IORING_REGISTER_FILES] }
const FIXED = abi.IOSQE_FIXED_FILE
const ALLOC = abi.IORING_FILE_INDEX_ALLOC
const SKIP = abi.IORING_MSG_RING_CQE_SKIP

const message = (fd: number, len: number, userData: number, flags = 0) =>
  sqe(prep.prepMsgRing, fd, len, userData, 0, flags)
const sendFd = (fd: number, from: number, to: number, userData: number, flags = 0) =>
  sqe(prep.prepMsgRingFd, fd, from, to, userData, 0, flags)

conformance(
  'a message is a completion on the other ring',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      for (const flags of [0, DEFER]) {
        const other = stand.openRing(8, { flags })
        for (const way of [0, abi.IOSQE_ASYNC]) {
          put(ring, 1, message(other.fd, 77, 5), way)
          submit(ring, 1)
          expectInOrder(ring, '1:0')
          expectInOrder(other, '5:77')
        }
        put(ring, 2, sqe(prep.prepMsgRing, other.fd, -1, 5, 0x1234))
        submit(ring, 1)
        expectInOrder(ring, '2:0')
        const [cqe] = reap(other, 1)
        assert.equal(`${cqe!.userDataHigh} ${cqe!.userData} ${cqe!.res}`, `${0x1234} 5 -1`)
      }
    })
  },
  NEEDS,
)

conformance(
  'a ring sends messages to itself, which come before the sender’s completion',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      put(ring, 1, message(ring.fd, 7, 5))
      submit(ring, 1)
      expectAnyOrder(ring, '5:7 1:0')
    })
  },
  NEEDS,
)

conformance(
  'a message has flags when it is told to',
  (stand) => {
    const [ring, other] = [stand.openRing(8), stand.openRing(8)]
    put(ring, 1, sqe(prep.prepMsgRingCqeFlags, other.fd, 7, 5, 0, 0, 0xabcd))
    submit(ring, 1)
    expectInOrder(ring, '1:0')
    expectInOrder(other, '5:7/0xabcd')
  },
  NEEDS,
)

conformance(
  'messages beyond the CQ overflow, and none is lost',
  (stand) => {
    const ring = stand.openRing(8)
    const other = stand.openRing(1, { cqEntries: 2 })
    for (let i = 0; i < 8; i++) put(ring, 1, message(other.fd, i, i))
    submit(ring, 8)
    assert.ok(reap(ring, 8).every((cqe) => text(cqe) === '1:0'))
    const found: string[] = []
    while (found.length < 8) found.push(...drain(other).map(text))
    assert.deepEqual(
      found,
      Array.from({ length: 8 }, (_, i) => `${i}:${i}`),
    )
  },
  NEEDS,
)

conformance(
  'messages to what takes none are refused',
  (stand) => {
    const ring = stand.openRing(8)
    const other = stand.openRing(8)
    expectRun(ring, message(stand.file('file', ''), 0, 0), -EBADFD, 'a file')
    expectRun(ring, message(stand.closedFd(), 0, 0), -EBADF, 'a closed fd')
    const disabled = stand.openRing(8, { flags: abi.IORING_SETUP_R_DISABLED })
    expectRun(ring, message(disabled.fd, 0, 0), -EBADFD, 'a disabled ring')
    equalRes(enableRings(disabled), 0, 'enable')
    expectRun(ring, message(disabled.fd, 0, 0), 0, 'the same, enabled')
    expectRun(ring, message(other.fd, 0, 0, 0x100), -EINVAL, 'an unknown flag')
    expectRun(ring, message(other.fd, 0, 0, SKIP), -EINVAL, 'SKIP without a file')
    expectRun(ring, withFields(message(other.fd, 0, 0), { addr: 9 }), -EINVAL, 'an unknown command')
    expectRun(ring, withFields(message(other.fd, 0, 0), { addr3: 1 }), -EINVAL, 'a file, and data')
    expectRun(ring, withFields(message(other.fd, 0, 0), { file_index: 1 }), -EINVAL, 'flags without PASS')
    expectRun(ring, withFields(message(other.fd, 0, 0), { buf_index: 1 }), -EINVAL, 'a buffer')
    expectNothing(other, 'none came')
  },
  NEEDS,
)

conformance(
  'a registered file is passed to another ring',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const other = stand.openRing(8)
      const { readEnd, writeEnd } = stand.pipe()
      equalRes(registerFiles(ring, new Int32Array([-1, readEnd])), 0, 'register')
      stand.closeFd(readEnd)
      expectRun(ring, sendFd(other.fd, 1, 0, 5), -ENXIO, 'the other has no table')
      equalRes(registerFilesSparse(other, 3), 0, 'sparse')
      put(ring, 1, sendFd(other.fd, 1, 2, 5))
      submit(ring, 1)
      expectInOrder(ring, '1:0')
      expectInOrder(other, '5:0')
      stand.write(writeEnd, 'data')
      expectRun(other, read(2, stand.alloc(4)), 4, 'read', FIXED)
      put(ring, 1, sqe(prep.prepMsgRingFdAlloc, other.fd, 1, 6, 0))
      submit(ring, 1)
      expectInOrder(ring, '1:0')
      expectInOrder(other, '6:0')
      expectRun(ring, sendFd(other.fd, 1, ALLOC, 7, SKIP), 1, 'the next free slot')
      expectNothing(other, 'it was to say nothing')
      expectRun(ring, sendFd(other.fd, 1, ALLOC, 7), -ENFILE, 'the table is full')
    })
  },
  FILES,
)

conformance(
  'files are passed that do not exist, or nowhere, are refused',
  (stand) => {
    const [ring, other] = [stand.openRing(8), stand.openRing(8)]
    const [a] = socketPair(stand)
    equalRes(registerFiles(ring, new Int32Array([a, -1])), 0, 'register')
    equalRes(registerFilesSparse(other, 2), 0, 'sparse')
    expectRun(ring, sendFd(other.fd, 1, 0, 5), -EBADF, 'an empty slot')
    expectRun(ring, sendFd(other.fd, 9, 0, 5), -EBADF, 'a slot outside')
    expectRun(ring, sendFd(other.fd, 0, 9, 5), -EINVAL, 'to a slot outside')
    expectRun(ring, sendFd(ring.fd, 0, 1, 5), -EINVAL, 'to itself')
    expectRun(ring, withFields(sendFd(other.fd, 0, 0, 5), { len: 1 }), -EINVAL, 'with data')
    expectNothing(other, 'none came')
  },
  FILES,
)

conformance(
  'a message wakes a thread that waits on its ring',
  async (stand) => {
    for (const flags of [0, DEFER]) {
      const target = stand.openRing(8, { flags })
      const sent = inThread({ backend: stand.backend, what: 'message', fd: target.fd })
      // The main thread sleeps in enter until the other thread's message comes.
      expectInOrder(target, '5:77')
      assert.equal(named(await sent), '0')
    }
  },
  NEEDS,
)

conformance(
  'a message needs no ring of one’s own',
  (stand) => {
    const other = stand.openRing(8)
    equalRes(registerSyncMsg(stand.syscalls, message(other.fd, 7, 5)), 0, 'message')
    expectInOrder(other, '5:7')
    equalRes(registerSyncMsg(stand.syscalls, message(stand.file('file', ''), 7, 5)), -EBADFD, 'to a file')
    equalRes(registerSyncMsg(stand.syscalls, message(stand.closedFd(), 7, 5)), -EBADF, 'to a closed fd')
    equalRes(registerSyncMsg(stand.syscalls, sendFd(other.fd, 0, 0, 5)), -EINVAL, 'with a file')
    const linked = withFields(message(other.fd, 7, 5), { flags: abi.IOSQE_IO_LINK })
    equalRes(registerSyncMsg(stand.syscalls, linked), -EINVAL, 'with flags')
  },
  { ...NEEDS, registers: [abi.IORING_REGISTER_SEND_MSG_RING] },
)
