/**
 * Waiting for completions: how many, how long, and what the wait returns. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import { Worker } from 'node:worker_threads'
import {
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_FEAT_MIN_TIMEOUT,
  IORING_NOP_TW,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_TASKRUN_FLAG,
  IORING_SQ_TASKRUN,
  IOSQE_ASYNC,
} from '../../src/abi/constants.js'
import { GETEVENTS_ARG, KERNEL_TIMESPEC } from '../../src/abi/structs.js'
import { futexWake, storeRelease } from '../../src/lib/barrier.js'
import { nowMs } from '../../src/lib/clock.js'
import { EINVAL, ETIME } from '../../src/lib/errno.js'
import { addressOf, high32, low32 } from '../../src/sys/memory.js'
import {
  equalRes,
  expectAnyOrder,
  expectInOrder,
  expectNothing,
  HANG_MS,
  ok,
  put,
  submit,
  submitAndWaitFor,
  uninterrupted,
} from './cqes.js'
import { nop, read, write } from './fills.js'
import { conformance } from './harness.js'
import { DEFER, inEachMode } from './modes.js'
import type { Stand } from './stand.js'

/** A wait that is meant to run out. */
const SHORT_MS = 5

/** io_uring_getevents_arg. */
function waitArg(stand: Stand, timeoutMs: number | undefined, minWaitUs = 0): Uint8Array {
  const arg = stand.alloc(GETEVENTS_ARG.size)
  const view = new DataView(arg.buffer)
  view.setUint32(GETEVENTS_ARG.at.min_wait_usec, minWaitUs, true)
  if (timeoutMs !== undefined) {
    const ts = stand.alloc(KERNEL_TIMESPEC.size)
    const nsec = BigInt(Math.round(timeoutMs * 1e6))
    new DataView(ts.buffer).setBigInt64(0, nsec / 1_000_000_000n, true)
    new DataView(ts.buffer).setBigInt64(8, nsec % 1_000_000_000n, true)
    view.setInt32(GETEVENTS_ARG.at.ts, low32(addressOf(ts)), true)
    view.setInt32(GETEVENTS_ARG.at.ts + 4, high32(addressOf(ts)), true)
  }
  return arg
}

conformance('submitAndWait returns what it submitted, with as many completions as asked', (stand) => {
  inEachMode(stand, 8, (ring) => {
    for (const way of [0, IOSQE_ASYNC]) {
      for (let i = 0; i < 4; i++) put(ring, i, nop(), way)
      submitAndWaitFor(ring, 4, 4)
      assert.equal(ring.cq.ready(), 4)
      expectAnyOrder(ring, '0:0 1:0 2:0 3:0')
    }
  })
})

conformance('a wait for completions that are there returns 0 at once', (stand) => {
  inEachMode(stand, 8, (ring) => {
    for (let i = 0; i < 3; i++) put(ring, i, nop())
    submit(ring, 3)
    equalRes(stand.syscalls.enter(ring.fd, 0, 3, IORING_ENTER_GETEVENTS), 0)
    equalRes(ring.waitCqe(), 0, 'waitCqe')
    equalRes(ring.submitAndWaitTimeout(2, HANG_MS), 0, 'submitAndWaitTimeout')
    expectInOrder(ring, '0:0 1:0 2:0')
  })
})

conformance('a wait for nothing returns 0', (stand) => {
  inEachMode(stand, 8, (ring) => {
    equalRes(ring.getEvents(), 0, 'getEvents')
    equalRes(ring.submitAndWait(0), 0, 'submitAndWait(0)')
  })
})

conformance('a wait with nothing to come ends with ETIME', (stand) => {
  inEachMode(stand, 8, (ring) => {
    equalRes(
      uninterrupted(() => ring.waitCqe(SHORT_MS)),
      -ETIME,
      'waitCqe',
    )
    equalRes(
      uninterrupted(() => ring.submitAndWaitTimeout(1, SHORT_MS)),
      -ETIME,
      'submitAndWaitTimeout',
    )
    equalRes(
      uninterrupted(() => ring.submitAndWaitTimeout(1, 0)),
      -ETIME,
      'a wait of no time',
    )
  })
})

conformance('a wait that ends with fewer than asked, but some, returns 0', (stand) => {
  inEachMode(stand, 8, (ring) => {
    put(ring, 1, nop())
    submit(ring, 1)
    equalRes(
      uninterrupted(() => ring.submitAndWaitTimeout(2, SHORT_MS)),
      0,
      'submitAndWaitTimeout',
    )
    expectInOrder(ring, '1:0')
  })
})

conformance('a wait that runs out returns what was submitted with it', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const { readEnd, writeEnd } = stand.pipe()
    put(ring, 1, read(readEnd, stand.alloc(1)))
    equalRes(ring.submitAndWaitTimeout(1, SHORT_MS), 1, 'submitAndWaitTimeout')
    assert.equal(ring.cq.ready(), 0)
    put(ring, 2, write(writeEnd, stand.alloc('x')))
    equalRes(ring.submitAndWait(2), 1, 'submitAndWait')
    expectAnyOrder(ring, '1:1 2:1')
  })
})

conformance('a wait for more than the CQ holds ends when the CQ is full', (stand) => {
  inEachMode(
    stand,
    4,
    (ring) => {
      for (let i = 0; i < 4; i++) put(ring, i, nop(), IOSQE_ASYNC)
      equalRes(ring.submitAndWait(1000), 4, 'submitAndWait')
      expectAnyOrder(ring, '0:0 1:0 2:0 3:0')
    },
    { cqEntries: 4 },
  )
})

conformance('a waiter is woken by what another thread does', async (stand) => {
  // The worker writes when it is let go, which is just before the wait, or during it: both must end it.
  const shared = new Int32Array(new SharedArrayBuffer(4))
  const code = `
    const { workerData: { words, fds } } = require('node:worker_threads')
    const { writeSync } = require('node:fs')
    fds.forEach((fd, i) => { for (let v; (v = Atomics.load(words, 0)) <= i; ) Atomics.wait(words, 0, v); writeSync(fd, 'x') })`
  const pipes = Array.from({ length: 7 }, () => stand.pipe())
  const worker = new Worker(code, {
    eval: true,
    workerData: { words: shared, fds: pipes.map(({ writeEnd }) => writeEnd) },
  })
  await new Promise((online) => worker.once('online', online))
  let next = 0
  inEachMode(stand, 8, (ring) => {
    put(ring, 1, read(pipes[next++]!.readEnd, stand.alloc(1)))
    submit(ring, 1)
    expectNothing(ring, 'nothing was written')
    storeRelease(shared, 0, next)
    futexWake(shared, 0, 1)
    equalRes(
      uninterrupted(() => ring.submitAndWait(1)),
      0,
      'submitAndWait',
    )
    expectInOrder(ring, '1:1')
  })
  await new Promise((exit) => worker.once('exit', exit))
})

conformance('task work waits for GETEVENTS on a DEFER_TASKRUN ring, and says so by TASKRUN', (stand) => {
  const ring = stand.openRing(8, { flags: DEFER | IORING_SETUP_TASKRUN_FLAG })
  const taskrun = () => (ring.sq.flags() & IORING_SQ_TASKRUN) !== 0
  assert.equal(taskrun(), false)
  for (let i = 0; i < 3; i++) put(ring, i, nop(IORING_NOP_TW))
  submit(ring, 3)
  equalRes(stand.syscalls.enter(ring.fd, 0, 0, 0), 0)
  assert.equal(ring.cq.ready(), 0, 'enter without GETEVENTS runs none')
  assert.equal(taskrun(), true)
  assert.equal(ring.cqNeedsEnter(), true)
  ok(ring.getEvents(), 'getEvents')
  assert.equal(taskrun(), false)
  expectInOrder(ring, '0:0 1:0 2:0')
})

conformance(
  'with COOP_TASKRUN a completion comes with a system call of its thread, and TASKRUN says that one is due',
  (stand) => {
    const ring = stand.openRing(8, { flags: IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG })
    const taskrun = () => (ring.sq.flags() & IORING_SQ_TASKRUN) !== 0
    assert.equal(taskrun(), false)
    for (let i = 0; i < 10; i++) {
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, i, read(readEnd, stand.alloc(1)))
      submit(ring, 1)
      // Who wakes the request is this thread itself: on its way back from the call, at the latest in the next one.
      stand.write(writeEnd, 'x')
      const deadline = nowMs() + HANG_MS
      while (ring.cq.ready() === 0 && !taskrun()) assert.ok(nowMs() < deadline, 'told in time')
      ok(ring.getEvents(), 'getEvents')
      assert.equal(taskrun(), false, 'nothing is due any more')
      expectInOrder(ring, `${i}:1`)
    }
  },
)

conformance('a worker’s completion waits for GETEVENTS on a DEFER_TASKRUN ring', (stand) => {
  const ring = stand.openRing(8, { flags: DEFER })
  put(ring, 1, nop(), IOSQE_ASYNC)
  submit(ring, 1)
  assert.equal(ring.cq.ready(), 0)
  expectInOrder(ring, '1:0')
})

conformance('one GETEVENTS runs a bounded amount of task work', (stand) => {
  const ring = stand.openRing(64, { flags: DEFER | IORING_SETUP_TASKRUN_FLAG })
  for (let i = 0; i < 50; i++) put(ring, i, nop(IORING_NOP_TW))
  submit(ring, 50)
  const counts = [0, 0, 0].map(() => {
    ok(ring.getEvents(), 'getEvents')
    const isMore = (ring.sq.flags() & IORING_SQ_TASKRUN) !== 0
    return [ring.cq.ready(), isMore]
  })
  assert.deepEqual(counts, [
    [20, true],
    [40, true],
    [50, false],
  ])
  for (let i = 0; i < 50; i++) assert.equal(ring.cq.userData(i), i)
})

conformance('submitAndGetEvents runs task work of what it submits', (stand) => {
  inEachMode(stand, 8, (ring) => {
    for (let i = 0; i < 3; i++) put(ring, i, nop(IORING_NOP_TW))
    equalRes(ring.submitAndGetEvents(), 3, 'submitAndGetEvents')
    assert.equal(ring.cq.ready(), 3)
    expectInOrder(ring, '0:0 1:0 2:0')
  })
})

conformance('unknown enter flags are refused', (stand) => {
  const ring = stand.openRing(4)
  for (let bit = 8; bit < 32; bit++) {
    equalRes(stand.syscalls.enter(ring.fd, 0, 0, 2 ** bit), -EINVAL, `enter flag bit ${bit}`)
  }
})

conformance('an extended argument of another size is refused', (stand) => {
  const ring = stand.openRing(4)
  const flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG
  for (const size of [0, 8, 23, 25, 64]) {
    equalRes(
      stand.syscalls.enter(ring.fd, 0, 0, flags, stand.alloc(Math.max(1, size)).subarray(0, size)),
      -EINVAL,
      `size ${size}`,
    )
  }
  equalRes(stand.syscalls.enter(ring.fd, 0, 0, flags, waitArg(stand, undefined)), 0, 'size 24')
})

conformance(
  'a minimal wait returns at once when enough is there',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG
      for (let i = 0; i < 2; i++) put(ring, i, nop())
      submit(ring, 2)
      equalRes(stand.syscalls.enter(ring.fd, 0, 2, flags, waitArg(stand, HANG_MS, HANG_MS * 1000)), 0)
      expectInOrder(ring, '0:0 1:0')
    })
  },
  { features: IORING_FEAT_MIN_TIMEOUT },
)

conformance(
  'after a minimal wait one completion is enough',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG
      put(ring, 1, nop())
      submit(ring, 1)
      equalRes(stand.syscalls.enter(ring.fd, 0, 2, flags, waitArg(stand, 2 * HANG_MS, 1000)), 0)
      expectInOrder(ring, '1:0')
      equalRes(stand.syscalls.enter(ring.fd, 0, 2, flags, waitArg(stand, SHORT_MS, 1000)), -ETIME)
      equalRes(stand.syscalls.enter(ring.fd, 0, 2, flags, waitArg(stand, undefined, 1000)), -ETIME, 'no other end')
    })
  },
  { features: IORING_FEAT_MIN_TIMEOUT },
)
