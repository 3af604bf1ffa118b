/**
 * Which system calls a Ring makes, on a Syscalls that writes them down and takes what it is told to. Main thread.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as abi from '../abi/constants.js'
import { PARAMS } from '../abi/params.js'
import type { Syscalls } from '../abi/syscalls.js'
import { EINTR, EINVAL, ETIME } from '../lib/errno.js'
import { copyIn, fromWords } from '../sys/memory.js'
import { queueInit, type Ring } from './ring.js'

const FD = 77
const SQ_FLAGS = 4
const CQ_TAIL = 3
const CQES = 16
const ARRAY = 64

/** Takes `take` SQEs an enter at most; `answers` override what enter returns, in turn. */
class FakeSyscalls implements Syscalls {
  readonly takesNullPath = true
  readonly name = 'kernel'
  readonly rings = new Int32Array(128)
  readonly #sqes = new Int32Array(8 * 16)
  readonly calls: string[] = []
  answers: (() => number)[] = []
  take = Number.POSITIVE_INFINITY
  lastArg: Uint8Array | undefined

  setup(entries: number, bytes: Uint8Array): number {
    if (entries === 0) return -EINVAL
    const params = new DataView(bytes.buffer, bytes.byteOffset)
    const fields = {
      sq_entries: 8,
      cq_entries: 8,
      sq_off_head: 0,
      sq_off_tail: 4,
      sq_off_flags: SQ_FLAGS * 4,
      sq_off_dropped: 20,
      sq_off_array: ARRAY * 4,
      cq_off_head: 8,
      cq_off_tail: CQ_TAIL * 4,
      cq_off_overflow: 24,
      cq_off_flags: 28,
      cq_off_cqes: CQES * 4,
    }
    for (const [name, value] of Object.entries(fields)) {
      params.setUint32(PARAMS.at[name as keyof typeof fields], value, true)
    }
    return FD
  }

  enter(fd: number, toSubmit: number, minComplete: number, flags: number, arg?: Uint8Array): number {
    assert.equal(fd, FD)
    this.calls.push(`enter ${toSubmit} ${minComplete} ${flags}`)
    this.lastArg = arg
    const answer = this.answers.shift()
    if (answer !== undefined) return answer()
    const taken = Math.min(toSubmit, this.take, this.rings[1]! - this.rings[0]!)
    this.rings[0] = this.rings[0]! + taken
    return taken
  }

  register(_fd: number, opcode: number, _arg: ArrayBufferView | null, nrArgs: number): number {
    this.calls.push(`register ${opcode} ${nrArgs}`)
    return 0
  }

  memory() {
    return { rings: this.rings.buffer, sqes: this.#sqes.buffer }
  }

  close(): number {
    this.calls.push('close')
    return 0
  }

  post(): void {
    this.rings[CQ_TAIL] = this.rings[CQ_TAIL]! + 1
  }
}

function open(flags = 0): { ring: Ring; fake: FakeSyscalls } {
  const fake = new FakeSyscalls()
  return { ring: queueInit(fake, 8, { flags }), fake }
}

function fill(ring: Ring, count: number): void {
  for (let i = 0; i < count; i++) ring.sq.getSqe()
}

test('a refused setup throws with the name of its errno', () => {
  assert.throws(() => queueInit(new FakeSyscalls(), 0), { code: 'EINVAL', syscall: 'io_uring_setup' })
})

test('submit makes no call when there is nothing to submit', () => {
  const { ring, fake } = open()
  assert.equal(ring.submit(), 0)
  assert.deepEqual(fake.calls, [])
})

test('submit offers what an earlier enter left, together with what is new', () => {
  const { ring, fake } = open()
  fill(ring, 5)
  fake.take = 2
  assert.equal(ring.submit(), 2)
  assert.equal(ring.sq.ready(), 3)
  fill(ring, 1)
  fake.take = 3
  assert.equal(ring.submit(), 3)
  assert.equal(ring.submit(), 1)
  assert.deepEqual(fake.calls, ['enter 5 0 0', 'enter 4 0 0', 'enter 1 0 0'])
})

test('each way to wait has its flags', () => {
  const { ring, fake } = open()
  fill(ring, 1)
  ring.submitAndWait(3)
  ring.submitAndGetEvents()
  ring.getEvents()
  ring.submitAndWaitTimeout(2, 1500)
  const [events, ext] = [abi.IORING_ENTER_GETEVENTS, abi.IORING_ENTER_GETEVENTS | abi.IORING_ENTER_EXT_ARG]
  assert.deepEqual(fake.calls, [
    `enter 1 3 ${events}`,
    `enter 0 0 ${events}`,
    `enter 0 0 ${events}`,
    `enter 0 2 ${ext}`,
  ])
})

test('a timeout is passed as a timespec', () => {
  const { ring, fake } = open()
  for (const [timeoutMs, seconds, ns] of [
    [1500, 1n, 500_000_000n],
    [0.25, 0n, 250_000n],
    [0, 0n, 0n],
  ] as const) {
    ring.submitAndWaitTimeout(1, timeoutMs)
    const arg = fake.lastArg!
    assert.equal(arg.byteLength, 24)
    const words = new Int32Array(arg.buffer, arg.byteOffset, 6)
    const timespec = new BigInt64Array(2)
    assert.equal(copyIn(fromWords(words[4]!, words[5]!), new Uint8Array(timespec.buffer)), 16)
    assert.deepEqual([...timespec], [seconds, ns])
  }
})

test('waitCqe makes no call when a completion is there', () => {
  const { ring, fake } = open()
  fake.post()
  assert.equal(ring.waitCqe(), 0)
  assert.deepEqual(fake.calls, [])
})

test('waitCqe goes on until a completion is there', () => {
  const { ring, fake } = open()
  fake.answers = [
    () => 0,
    () => {
      fake.post()
      return 0
    },
  ]
  assert.equal(ring.waitCqe(), 0)
  assert.equal(fake.calls.length, 2)
})

test('waitCqe returns an error unless a completion came with it', () => {
  const { ring, fake } = open()
  fake.answers = [() => -ETIME]
  assert.equal(ring.waitCqe(5), -ETIME)
  fake.answers = [
    () => {
      fake.post()
      return -EINTR
    },
  ]
  assert.equal(ring.waitCqe(), 0)
})

test('on a ring with SQPOLL submit enters only to wake the thread', () => {
  const { ring, fake } = open(abi.IORING_SETUP_SQPOLL)
  fill(ring, 2)
  assert.equal(ring.submit(), 2)
  assert.deepEqual(fake.calls, [])
  fake.rings[SQ_FLAGS] = abi.IORING_SQ_NEED_WAKEUP
  fill(ring, 1)
  ring.submit()
  assert.deepEqual(fake.calls, [`enter 3 0 ${abi.IORING_ENTER_SQ_WAKEUP}`])
})

test('an overflow and task work are a reason to enter', () => {
  const { ring, fake } = open()
  assert.equal(ring.cqNeedsEnter(), false)
  fake.rings[SQ_FLAGS] = abi.IORING_SQ_CQ_OVERFLOW
  assert.equal(ring.cqNeedsEnter(), true)
  fake.rings[SQ_FLAGS] = abi.IORING_SQ_TASKRUN
  assert.equal(ring.cqNeedsEnter(), true)
})

test('a ring is closed once', () => {
  const { ring, fake } = open()
  assert.equal(ring.isOpen, true)
  ring.queueExit()
  ring.queueExit()
  assert.equal(ring.isOpen, false)
  assert.deepEqual(fake.calls, ['close'])
})

test('register passes its arguments on', () => {
  const { ring, fake } = open()
  assert.equal(ring.register(9, null, 4), 0)
  assert.deepEqual(fake.calls, ['register 9 4'])
})
