/**
 * Register calls beyond those of register.test.ts: restrictions, personalities, ring fds, sizes, clocks, busy polling, and
 * what the kernel says of itself. Bodies for every backend that has them.
 */
import assert from 'node:assert/strict'
import { writeSync } from 'node:fs'
import * as abi from '../../src/abi/constants.js'
import { CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_REALTIME } from '../../src/abi/process.js'
import { EACCES, EBADFD, EBUSY, EEXIST, EINVAL, EOVERFLOW } from '../../src/lib/errno.js'
import { setPersonality } from '../../src/ring/prep.js'
import {
  enableRings,
  registerClock,
  registerEventfd,
  registerNapi,
  registerPersonality,
  registerProbe,
  registerQuery,
  registerRestrictions,
  unregisterNapi,
  unregisterPersonality,
} from '../../src/ring/register.js'
import { equalRes, expectInOrder, expectRun, named, ok, put, reap, submit, text } from './cqes.js'
import { fsync, nop, openat, read, write } from './fills.js'
import { conformance } from './harness.js'
import { DEFER, inEachMode } from './modes.js'

const R_DISABLED = abi.IORING_SETUP_R_DISABLED
const RESTRICTIONS = { registers: [abi.IORING_REGISTER_RESTRICTIONS] }

conformance(
  'a restricted ring takes what it was allowed, and nothing else',
  (stand) => {
    for (const flags of [0, DEFER]) {
      const ring = stand.openRing(8, { flags: flags | R_DISABLED })
      equalRes(
        registerRestrictions(ring, [
          { sqeOp: abi.IORING_OP_WRITE },
          { sqeOp: abi.IORING_OP_NOP },
          { sqeFlagsAllowed: abi.IOSQE_IO_LINK | abi.IOSQE_ASYNC },
          { registerOp: abi.IORING_REGISTER_ENABLE_RINGS },
          { registerOp: abi.IORING_REGISTER_PROBE },
        ]),
        0,
        'restrict',
      )
      equalRes(enableRings(ring), 0, 'enable')
      const fd = stand.file('file', '')
      expectRun(ring, write(fd, stand.alloc('data'), 0), 4, 'an operation that is allowed')
      expectRun(ring, read(fd, stand.alloc(4), 0), -EACCES, 'one that is not')
      expectRun(ring, fsync(fd), -EACCES, 'another')
      expectRun(ring, nop(), 0, 'a flag that is allowed', abi.IOSQE_ASYNC)
      expectRun(ring, nop(), -EACCES, 'one that is not', abi.IOSQE_IO_DRAIN)
      assert.ok(typeof registerProbe(ring) === 'object', 'a register call that is allowed')
      equalRes(registerEventfd(ring, stand.eventfd()), -EACCES, 'one that is not')
    }
  },
  RESTRICTIONS,
)

conformance(
  'flags may be demanded of each request',
  (stand) => {
    const ring = stand.openRing(8, { flags: R_DISABLED })
    const list = [{ sqeOp: abi.IORING_OP_NOP }, { sqeFlagsRequired: abi.IOSQE_ASYNC }]
    equalRes(registerRestrictions(ring, list), 0, 'restrict')
    equalRes(enableRings(ring), 0, 'enable')
    expectRun(ring, nop(), -EACCES, 'without it')
    expectRun(ring, nop(), 0, 'with it', abi.IOSQE_ASYNC)
  },
  RESTRICTIONS,
)

conformance(
  'a ring is restricted once, while it is disabled',
  (stand) => {
    const ring = stand.openRing(8, { flags: R_DISABLED })
    const list = [{ sqeOp: abi.IORING_OP_NOP }]
    const wrong = new Uint8Array(16)
    wrong[0] = 99
    equalRes(ring.register(abi.IORING_REGISTER_RESTRICTIONS, wrong, 1), -EINVAL, 'an unknown kind')
    equalRes(ring.register(abi.IORING_REGISTER_RESTRICTIONS, null, 1), -EINVAL, 'no list')
    const other = stand.openRing(8, { flags: R_DISABLED })
    equalRes(registerRestrictions(other, []), -EINVAL, 'an empty list')
    equalRes(enableRings(other), 0, 'enable')
    expectRun(other, nop(), 0, 'after an empty list nothing is restricted')
    equalRes(registerRestrictions(ring, list), 0, 'restrict')
    equalRes(registerRestrictions(ring, list), -EBUSY, 'restrict twice')
    equalRes(enableRings(ring), 0, 'enable')
    equalRes(registerRestrictions(stand.openRing(8), list), -EBADFD, 'a ring that is enabled')
  },
  RESTRICTIONS,
)

conformance(
  'a request runs under a personality that was registered',
  (stand) => {
    const ring = stand.openRing(8)
    const id = ok(registerPersonality(ring), 'register')
    assert.ok(id > 0)
    const other = ok(registerPersonality(ring), 'another')
    assert.notEqual(other, id)
    const path = stand.cstr(stand.path('file', ''))
    const openAs = (personality: number) => (words: Int32Array, at: number) => {
      openat(abi.AT_FDCWD, path, abi.O_RDONLY)(words, at)
      setPersonality(words, at, personality)
    }
    for (const one of [id, other]) {
      put(ring, 1, openAs(one))
      submit(ring, 1)
      stand.own(ok(reap(ring, 1)[0]!.res, 'openat'))
    }
    equalRes(unregisterPersonality(ring, id), 0, 'unregister')
    equalRes(unregisterPersonality(ring, id), -EINVAL, 'unregister twice')
    expectRun(ring, openAs(id), -EINVAL, 'one that is gone')
  },
  { registers: [abi.IORING_REGISTER_PERSONALITY] },
)

conformance(
  'a registered ring is entered by its index',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      equalRes(ring.unregisterRingFd(), -EINVAL, 'unregister none')
      equalRes(ring.registerRingFd(), 1, 'register')
      equalRes(ring.registerRingFd(), -EEXIST, 'register twice')
      expectRun(ring, nop(), 0, 'a NOP', abi.IOSQE_ASYNC)
      put(ring, 1, nop())
      equalRes(ring.submitAndWait(1), 1, 'submitAndWait')
      expectInOrder(ring, '1:0')
      equalRes(ring.unregisterRingFd(), 1, 'unregister')
      expectRun(ring, nop(), 0, 'a NOP by the fd')
      equalRes(ring.registerRingFd(), 1, 'register again')
      // Closed with its index registered: inEachMode does, and every time there is room for the next.
    })
  },
  { registers: [abi.IORING_REGISTER_RING_FDS] },
)

conformance(
  'a thread registers sixteen rings',
  (stand) => {
    const rings = Array.from({ length: 17 }, () => stand.openRing(2))
    for (const ring of rings.slice(0, 16)) equalRes(ring.registerRingFd(), 1, 'register')
    equalRes(rings[16]!.registerRingFd(), -EBUSY, 'one too many')
    rings[3]!.queueExit()
    equalRes(rings[16]!.registerRingFd(), 1, 'the place of one that is closed')
    expectRun(rings[16]!, nop(), 0, 'a NOP')
  },
  { registers: [abi.IORING_REGISTER_RING_FDS] },
)

const RESIZABLE = DEFER | abi.IORING_SETUP_NO_SQARRAY
const RESIZES = { setup: RESIZABLE, registers: [abi.IORING_REGISTER_RESIZE_RINGS] }

conformance(
  'a ring grows and shrinks with what is in it',
  (stand) => {
    const ring = stand.openRing(4, { flags: RESIZABLE })
    const { readEnd, writeEnd } = stand.pipe()
    const into = stand.alloc(8)
    put(ring, 1, read(readEnd, into))
    put(ring, 2, nop())
    submit(ring, 2)
    put(ring, 3, nop())
    equalRes(ring.resizeRings(64, 256), 0, 'grow')
    assert.equal(`${ring.sq.entries} ${ring.cq.entries}`, '64 256')
    submit(ring, 1)
    expectInOrder(ring, '2:0 3:0')
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 64; i++) put(ring, 100 + i, nop())
      submit(ring, 64)
      assert.deepEqual(
        reap(ring, 64).map(text),
        Array.from({ length: 64 }, (_, i) => `${100 + i}:0`),
      )
    }
    equalRes(ring.resizeRings(8), 0, 'shrink')
    assert.equal(`${ring.sq.entries} ${ring.cq.entries}`, '8 16')
    writeSync(writeEnd, 'data')
    expectInOrder(ring, '1:4')
    expectRun(ring, nop(), 0, 'a NOP')
  },
  RESIZES,
)

conformance(
  'a ring does not shrink below what is in it, and other kinds not at all',
  (stand) => {
    const ring = stand.openRing(8, { flags: RESIZABLE })
    for (let i = 0; i < 8; i++) put(ring, i, nop())
    submit(ring, 8)
    equalRes(ring.resizeRings(2, 4), -EOVERFLOW, 'eight completions in four')
    equalRes(ring.resizeRings(0), -EINVAL, 'no entries')
    expectInOrder(ring, '0:0 1:0 2:0 3:0 4:0 5:0 6:0 7:0')
    equalRes(ring.resizeRings(2, 4), 0, 'once they are taken')
    expectRun(ring, nop(), 0, 'a NOP')
    const plain = stand.openRing(8, { flags: abi.IORING_SETUP_NO_SQARRAY })
    equalRes(plain.resizeRings(16), -EINVAL, 'without DEFER_TASKRUN')
    equalRes(stand.openRing(8, { flags: DEFER }).resizeRings(16), -EINVAL, 'with an array')
  },
  RESIZES,
)

conformance(
  'waits go by the clock that is registered',
  (stand) => {
    const ring = stand.openRing(8)
    equalRes(registerClock(ring, CLOCK_REALTIME), -EINVAL, 'REALTIME')
    for (const clock of [CLOCK_BOOTTIME, CLOCK_MONOTONIC]) {
      equalRes(registerClock(ring, clock), 0, `clock ${clock}`)
      assert.equal(named(ring.waitCqe(1)), '-ETIME')
    }
  },
  { registers: [abi.IORING_REGISTER_CLOCK] },
)

conformance(
  'busy polling is set, changed and ended, where the kernel has it',
  (stand) => {
    const ring = stand.openRing(8)
    const res = registerNapi(ring, { busyPollUs: 10, preferBusyPoll: true })
    if (res === -EINVAL) return
    equalRes(res, 0, 'register')
    equalRes(registerNapi(ring, { busyPollUs: 20, preferBusyPoll: false }), 0, 'change')
    expectRun(ring, nop(), 0, 'a NOP')
    assert.deepEqual(unregisterNapi(ring), { busyPollUs: 20, preferBusyPoll: false })
    assert.deepEqual(unregisterNapi(ring), { busyPollUs: 0, preferBusyPoll: false })
  },
  { registers: [abi.IORING_REGISTER_NAPI] },
)

conformance(
  'the kernel says what it knows, and the probe agrees',
  (stand) => {
    const found = registerQuery(stand.syscalls)
    // Linux 6.18 and later answer.
    if (found === -EINVAL) return
    assert.ok(typeof found === 'object')
    const probe = registerProbe(stand.openRing(2))
    assert.ok(typeof probe === 'object')
    assert.equal(found.nrRequestOpcodes, probe.lastOp + 1)
    assert.ok(found.nrRegisterOpcodes > abi.IORING_REGISTER_QUERY)
    assert.equal(Number(found.features & 0xffn), 0xff)
    assert.ok((found.setupFlags & BigInt(abi.IORING_SETUP_DEFER_TASKRUN)) !== 0n)
    assert.equal(Number(found.sqeFlags), 0x7f)
  },
  { registers: [abi.IORING_REGISTER_QUERY] },
)
