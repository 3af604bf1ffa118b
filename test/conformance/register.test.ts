/**
 * io_uring_register, and what enter and register say to fds that are no ring. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import { readFileSync, statSync, writeSync } from 'node:fs'
import * as abi from '../../src/abi/constants.js'
import { PROBE, PROBE_OP } from '../../src/abi/structs.js'
import { EBADF, EBADFD, EBUSY, EINVAL, ENXIO, EOPNOTSUPP } from '../../src/lib/errno.js'
import {
  registerEventfd,
  registerEventfdAsync,
  registerIowqAff,
  registerIowqMaxWorkers,
  unregisterEventfd,
  unregisterIowqAff,
} from '../../src/ring/register.js'
import type { Ring } from '../../src/ring/ring.js'
import { parseCpuList, threadCpus } from '../../src/sys/affinity.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import { readProbe } from './backends.js'
import { equalRes, expectInOrder, ok, put, reap, submit } from './cqes.js'
import { nop, read } from './fills.js'
import { conformance } from './harness.js'
import { DEFER, inEachMode } from './modes.js'
import type { Stand } from './stand.js'
import { threads } from './workers.js'

/** What every backend has by now. */
const OPCODES = [
  abi.IORING_OP_NOP,
  abi.IORING_OP_READV,
  abi.IORING_OP_WRITEV,
  abi.IORING_OP_FSYNC,
  abi.IORING_OP_ASYNC_CANCEL,
  abi.IORING_OP_OPENAT,
  abi.IORING_OP_CLOSE,
  abi.IORING_OP_STATX,
  abi.IORING_OP_READ,
  abi.IORING_OP_WRITE,
]

conformance('the probe lists the operations', (stand) => {
  const ring = stand.openRing(4)
  const { res, lastOp, supported } = readProbe(stand.syscalls, ring.fd)
  equalRes(res, 0, 'PROBE')
  for (const opcode of OPCODES) assert.ok(supported.includes(opcode), abi.OPCODE_NAMES[opcode])
  for (const opcode of supported) assert.ok(opcode <= lastOp, `${opcode} is at most ${lastOp}`)
})

conformance('the probe fills as many entries as it is given', (stand) => {
  const ring = stand.openRing(4)
  const bytes = new Uint8Array(PROBE.size + 3 * PROBE_OP.size)
  equalRes(ring.register(abi.IORING_REGISTER_PROBE, bytes, 2), 0, 'PROBE of 2')
  assert.equal(bytes[PROBE.at.ops_len], 2)
  assert.equal(bytes[PROBE.size + PROBE_OP.size + PROBE_OP.at.op], 1)
  assert.ok(bytes.subarray(PROBE.size + 2 * PROBE_OP.size).every((byte) => byte === 0))
})

conformance('a probe into memory that is not zero, or of too many, is refused', (stand) => {
  const ring = stand.openRing(4)
  const bytes = new Uint8Array(PROBE.size + 300 * PROBE_OP.size)
  equalRes(ring.register(abi.IORING_REGISTER_PROBE, bytes, 257), -EINVAL, '257 entries')
  equalRes(ring.register(abi.IORING_REGISTER_PROBE, null, 4), -EINVAL, 'no memory')
  bytes[PROBE.size + 5] = 1
  equalRes(ring.register(abi.IORING_REGISTER_PROBE, bytes, 4), -EINVAL, 'a byte that is not zero')
})

conformance('the probe and the ring agree on what is supported', (stand) => {
  const ring = stand.openRing(4)
  for (let opcode = 200; opcode < 256; opcode++) assert.equal(stand.opcodes.has(opcode), false)
  put(ring, 1, (words, at) => {
    nop()(words, at)
    words[at] = 200
  })
  submit(ring, 1)
  expectInOrder(ring, '1:-EINVAL')
})

conformance('unknown register opcodes are refused', (stand) => {
  const ring = stand.openRing(4)
  for (const opcode of [60, 1000, 0x7fff_ffff]) {
    equalRes(ring.register(opcode, null, 0), -EINVAL, `register ${opcode}`)
  }
})

/** What the eventfd counted since it was asked last. */
function signals(stand: Stand, fd: number): number {
  const count = stand.alloc(8)
  const res = libc('read')(fd, addressOf(count), 8)
  return res < 0 ? 0 : new DataView(count.buffer).getUint32(0, true)
}

function notified(stand: Stand, ring: Ring, register = registerEventfd) {
  const fd = stand.eventfd()
  equalRes(register(ring, fd), 0, 'eventfd')
  return fd
}

conformance('a second eventfd is refused, and so is unregistering none', (stand) => {
  const ring = stand.openRing(4)
  equalRes(unregisterEventfd(ring), -ENXIO, 'unregister none')
  const fd = notified(stand, ring)
  equalRes(registerEventfd(ring, fd), -EBUSY, 'twice')
  equalRes(registerEventfdAsync(ring, fd), -EBUSY, 'twice, async')
  equalRes(unregisterEventfd(ring), 0, 'unregister')
  equalRes(unregisterEventfd(ring), -ENXIO, 'unregister twice')
  notified(stand, ring)
})

conformance('what is no eventfd is refused, and so is a wrong count', (stand) => {
  const ring = stand.openRing(4)
  const register = (fd: number, nr = 1) => ring.register(abi.IORING_REGISTER_EVENTFD, new Int32Array([fd]), nr)
  equalRes(register(stand.file('file', '')), -EINVAL, 'a file')
  equalRes(register(stand.closedFd()), -EBADF, 'a closed fd')
  equalRes(register(stand.eventfd(), 0), -EINVAL, 'none')
  equalRes(register(stand.eventfd(), 2), -EINVAL, 'two')
})

conformance('the eventfd is signalled once for a batch of completions', (stand) => {
  const ring = stand.openRing(8)
  const fd = notified(stand, ring)
  assert.equal(signals(stand, fd), 0)
  for (let i = 0; i < 3; i++) put(ring, i, nop())
  submit(ring, 3)
  assert.equal(signals(stand, fd), 1)
  put(ring, 3, nop())
  submit(ring, 1)
  assert.equal(signals(stand, fd), 1)
  ok(unregisterEventfd(ring), 'unregister')
  put(ring, 4, nop())
  submit(ring, 1)
  assert.equal(signals(stand, fd), 0)
})

conformance('the app can mute the eventfd', (stand) => {
  const ring = stand.openRing(8)
  const fd = notified(stand, ring)
  ring.cq.setEventfdEnabled(false)
  put(ring, 1, nop())
  submit(ring, 1)
  assert.equal(signals(stand, fd), 0)
  ring.cq.setEventfdEnabled(true)
  put(ring, 2, nop())
  submit(ring, 1)
  assert.equal(signals(stand, fd), 1)
})

conformance('the ring keeps its eventfd, though the app closes the fd', (stand) => {
  const ring = stand.openRing(8)
  const other = stand.eventfd()
  const fd = stand.highFd(other)
  equalRes(registerEventfd(ring, fd), 0, 'eventfd')
  stand.closeFd(fd)
  const path = stand.path('innocent', '')
  assert.equal(stand.highFd(stand.open(path, 'r+'), fd), fd, 'a file has its number now')
  for (const way of [0, abi.IOSQE_ASYNC]) {
    put(ring, 1, nop(), way)
    submit(ring, 1)
    expectInOrder(ring, '1:0')
  }
  assert.ok(signals(stand, other) >= 1)
  assert.equal(statSync(path).size, 0, 'what has the number now is not written')
})

conformance('an eventfd for workers alone is not signalled inline', (stand) => {
  const ring = stand.openRing(8)
  const fd = notified(stand, ring, registerEventfdAsync)
  put(ring, 1, nop())
  submit(ring, 1)
  assert.equal(signals(stand, fd), 0)
})

conformance('the eventfd is signalled for what workers complete', (stand) => {
  for (const register of [registerEventfd, registerEventfdAsync]) {
    inEachMode(stand, 8, (ring) => {
      const fd = notified(stand, ring, register)
      put(ring, 1, nop(), abi.IOSQE_ASYNC)
      submit(ring, 1)
      reap(ring, 1)
      assert.ok(signals(stand, fd) >= 1)
    })
  }
})

conformance('an eventfd for workers alone is not signalled inline after a worker was', (stand) => {
  const ring = stand.openRing(8)
  const fd = notified(stand, ring, registerEventfdAsync)
  for (let i = 0; i < 3; i++) {
    put(ring, 1, nop(), abi.IOSQE_ASYNC)
    submit(ring, 1)
    reap(ring, 1)
    // The kernel's worker may signal right after the completion is seen.
    for (let nr = 0; nr === 0; ) nr = signals(stand, fd)
    put(ring, 2, nop())
    submit(ring, 1)
    reap(ring, 1)
    assert.equal(signals(stand, fd), 0)
  }
})

conformance('the limits of workers are set, and the ones before come back', (stand) => {
  const ring = stand.openRing(8)
  const limits = (bounded: number, unbounded: number) => {
    const pair = new Uint32Array([bounded, unbounded])
    equalRes(registerIowqMaxWorkers(ring, pair), 0, 'IOWQ_MAX_WORKERS')
    return [...pair]
  }
  const before = limits(0, 0)
  assert.ok(before[0]! > 0 && before[1]! > 0, `${before} workers`)
  assert.deepEqual(limits(0, 0), before, '0 leaves a limit')
  assert.deepEqual(limits(3, 0), before)
  assert.deepEqual(limits(0, 5), [3, before[1]])
  assert.deepEqual(limits(2, 2), [3, 5])
  assert.deepEqual(limits(before[0]!, before[1]!), [2, 2])
  assert.deepEqual(limits(0, 0), before)
})

conformance('wrong limits of workers are refused', (stand) => {
  const ring = stand.openRing(8)
  const register = (arg: Uint32Array | null, nr: number) => ring.register(abi.IORING_REGISTER_IOWQ_MAX_WORKERS, arg, nr)
  equalRes(register(null, 2), -EINVAL, 'no limits')
  equalRes(register(new Uint32Array([1, 1]), 1), -EINVAL, 'one limit')
  equalRes(register(new Uint32Array([1, 1, 1]), 3), -EINVAL, 'three limits')
  equalRes(register(new Uint32Array([0x8000_0000, 1]), 2), -EINVAL, 'a limit with the sign bit')
})

conformance('a disabled ring takes nothing until it is enabled', (stand) => {
  for (const flags of [0, DEFER]) {
    const ring = stand.openRing(4, { flags: flags | abi.IORING_SETUP_R_DISABLED })
    put(ring, 1, nop())
    equalRes(ring.submit(), -EBADFD, 'submit')
    equalRes(ring.getEvents(), -EBADFD, 'getEvents')
    equalRes(ring.register(abi.IORING_REGISTER_ENABLE_RINGS, null, 0), 0, 'enable')
    submit(ring, 1)
    expectInOrder(ring, '1:0')
    equalRes(ring.register(abi.IORING_REGISTER_ENABLE_RINGS, null, 0), -EBADFD, 'enable twice')
  }
})

conformance('a ring that is not disabled cannot be enabled', (stand) => {
  const ring = stand.openRing(4)
  equalRes(ring.register(abi.IORING_REGISTER_ENABLE_RINGS, null, 0), -EBADFD)
})

conformance('enter and register tell a closed fd from one that is no ring', (stand) => {
  const { syscalls } = stand
  const file = stand.file('file', '')
  for (const [fd, errno] of [
    [stand.closedFd(), EBADF],
    [-2, EBADF],
    [file, EOPNOTSUPP],
    [stand.pipe().readEnd, EOPNOTSUPP],
  ] as const) {
    equalRes(syscalls.enter(fd, 0, 0, 0), -errno, `enter(${fd})`)
    equalRes(syscalls.enter(fd, 1, 1, abi.IORING_ENTER_GETEVENTS), -errno, `enter(${fd}) to wait`)
    equalRes(syscalls.register(fd, abi.IORING_UNREGISTER_EVENTFD, null, 0), -errno, `register(${fd})`)
  }
})

conformance('an index of no registered ring is refused', (stand) => {
  const { syscalls } = stand
  equalRes(syscalls.enter(0, 0, 0, abi.IORING_ENTER_REGISTERED_RING), -EBADF, 'an empty slot')
  equalRes(syscalls.enter(16, 0, 0, abi.IORING_ENTER_REGISTERED_RING), -EINVAL, 'a slot beyond the table')
})

conformance('a closed ring is gone', (stand) => {
  const ring = stand.openRing(4)
  const { fd } = ring
  ring.queueExit()
  // Another thread may have its number already.
  assert.ok([-EBADF, -EOPNOTSUPP].includes(stand.syscalls.enter(fd, 0, 0, 0)), 'enter')
  equalRes(stand.syscalls.close(fd), -EBADF, 'close')
})

conformance('workers made after a change of affinity run where it says', (stand) => {
  const ring = stand.openRing(8)
  const allowed = threadCpus()
  // Where /proc does not tell there is nothing to see.
  if (allowed === undefined) return
  const tidOf = (thread: string) => thread.split(' ')[0]
  const before = threads().map(tidOf)
  const last = allowed.slice(-1)
  equalRes(registerIowqAff(ring, maskOf(last)), 0, 'IOWQ_AFF')
  const buffer = stand.alloc(8)
  const pipes = [0, 1, 2, 3].map(() => stand.pipe())
  for (const [i, { readEnd }] of pipes.entries()) put(ring, i, read(readEnd, buffer), abi.IOSQE_ASYNC)
  submit(ring, pipes.length)
  const made = () => threads().filter((thread) => thread.includes('iou-wrk-') && !before.includes(tidOf(thread)))
  let workers = made()
  while (workers.length === 0) workers = made()
  for (const thread of workers) assert.deepEqual(cpusOf(thread), last, thread)
  for (const { writeEnd } of pipes) writeSync(writeEnd, 'x')
  reap(ring, pipes.length)
  equalRes(unregisterIowqAff(ring), 0, 'UNREGISTER_IOWQ_AFF')
})

conformance('a wrong affinity is refused', (stand) => {
  const ring = stand.openRing(8)
  const register = (arg: Uint8Array | null, nr: number) => ring.register(abi.IORING_REGISTER_IOWQ_AFF, arg, nr)
  equalRes(register(null, MASK_BYTES), -EINVAL, 'no mask')
  equalRes(register(maskOf([0]), 0), -EINVAL, 'a mask without bytes')
  equalRes(register(maskOf([500]), MASK_BYTES), 0, 'a processor that is not there is none')
  equalRes(register(maskOf([]), MASK_BYTES), 0, 'an empty mask')
  equalRes(ring.register(abi.IORING_UNREGISTER_IOWQ_AFF, maskOf([0]), 1), -EINVAL, 'UNREGISTER with a mask')
  equalRes(unregisterIowqAff(ring), 0, 'UNREGISTER')
})

const MASK_BYTES = 64

function maskOf(cpus: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(MASK_BYTES)
  for (const cpu of cpus) bytes[cpu >> 3] = bytes[cpu >> 3]! | (1 << (cpu & 7))
  return bytes
}

function cpusOf(thread: string): number[] {
  const status = readFileSync(`/proc/self/task/${thread.split(' ')[0]}/status`, 'latin1')
  return parseCpuList(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '')
}
