/**
 * Rings whose SQ a thread of the kernel's polls: taken without a system call, asleep when idle, shared. Bodies for every
 * backend that has them.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import * as abi from '../../src/abi/constants.js'
import { PARAMS } from '../../src/abi/params.js'
import type { Syscalls } from '../../src/abi/syscalls.js'
import { nowMs } from '../../src/lib/clock.js'
import { ENXIO } from '../../src/lib/errno.js'
import { registerFiles } from '../../src/ring/register.js'
import { queueInit, type Ring } from '../../src/ring/ring.js'
import { addressOf } from '../../src/sys/memory.js'
import { equalRes, expectInOrder, HANG_MS, ok, put, reap, submit } from './cqes.js'
import { nop, readTo } from './fills.js'
import { conformance } from './harness.js'
import type { Stand } from './stand.js'

const SQPOLL = abi.IORING_SETUP_SQPOLL
const NEEDS = { setup: SQPOLL }
/** Never idle while a body runs, or at once. */
const AWAKE_MS = 60_000
const SLEEPY_MS = 1

/** Spins: a system call is what these bodies must not need. */
function until(condition: () => boolean, what: string): void {
  const deadline = nowMs() + HANG_MS
  while (!condition()) assert.ok(nowMs() < deadline, `in time: ${what}`)
}

const isAsleep = (ring: Ring) => (ring.sq.flags() & abi.IORING_SQ_NEED_WAKEUP) !== 0

/** The kernel's polling threads in this process, by thread id. */
function pollers(): string[] {
  return readdirSync('/proc/self/task').filter((tid) => {
    try {
      return readFileSync(`/proc/self/task/${tid}/comm`, 'utf8').startsWith('iou-sqp-')
    } catch {
      return false
    }
  })
}

conformance(
  'with SQPOLL requests are taken and completed without a system call',
  (stand) => {
    let nrEnters = 0
    const counting = new Proxy(stand.syscalls, {
      get(target, name: keyof Syscalls) {
        if (name === 'enter') nrEnters++
        const value = target[name]
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const ring = queueInit(counting, 8, { flags: SQPOLL, sqThreadIdleMs: AWAKE_MS })
    stand.defer(() => ring.queueExit())
    for (let i = 0; i < 100; i++) {
      put(ring, i, nop())
      submit(ring, 1)
      until(() => ring.cq.ready() > 0, `completion ${i}`)
      expectInOrder(ring, `${i}:0`)
      // A thread that is just made may have to be woken once.
      if (i === 0) nrEnters = 0
    }
    assert.equal(nrEnters, 0)
  },
  NEEDS,
)

conformance(
  'an idle SQPOLL thread falls asleep and says so, and a submit wakes it',
  (stand) => {
    const ring = stand.openRing(8, { flags: SQPOLL, sqThreadIdleMs: SLEEPY_MS })
    for (let i = 0; i < 5; i++) {
      until(() => isAsleep(ring), 'NEED_WAKEUP')
      put(ring, i, nop())
      ring.sq.flush()
      assert.equal(ring.cq.ready(), 0, 'who sleeps takes nothing')
      ok(ring.submit(), 'submit')
      expectInOrder(ring, `${i}:0`)
    }
  },
  NEEDS,
)

conformance(
  'an enter on an SQPOLL ring without anything to submit is no error',
  (stand) => {
    const ring = stand.openRing(4, { flags: SQPOLL, sqThreadIdleMs: SLEEPY_MS })
    until(() => isAsleep(ring), 'NEED_WAKEUP')
    for (const flags of [0, abi.IORING_ENTER_SQ_WAKEUP, abi.IORING_ENTER_SQ_WAIT, abi.IORING_ENTER_GETEVENTS]) {
      equalRes(stand.syscalls.enter(ring.fd, 0, 0, flags), 0, `enter flags ${flags}`)
    }
    put(ring, 1, nop())
    submit(ring, 1)
    expectInOrder(ring, '1:0')
  },
  NEEDS,
)

conformance(
  'waiting for room in the SQ of an SQPOLL ring gives some',
  (stand) => {
    for (const sqThreadIdleMs of [SLEEPY_MS, AWAKE_MS]) {
      const ring = stand.openRing(4, { flags: SQPOLL, sqThreadIdleMs })
      const NR = 500
      const seen: number[] = []
      const takeOff = () => {
        for (const { userData } of ring.cq.peekBatch(ring.cq.entries)) seen.push(userData)
        ring.cq.advance(ring.cq.ready())
      }
      for (let i = 0; i < NR; i++) {
        while (ring.sq.spaceLeft() === 0) {
          ok(ring.submit(), 'submit')
          assert.ok(ok(ring.sqRingWait(), 'sqRingWait') > 0, 'there is room after the wait')
          takeOff()
        }
        put(ring, i, nop())
      }
      ok(ring.submit(), 'submit')
      const deadline = nowMs() + HANG_MS
      while (seen.length < NR && nowMs() < deadline) {
        ok(ring.waitCqe(HANG_MS), 'waitCqe')
        takeOff()
      }
      assert.deepEqual(
        seen.slice(0, NR),
        Array.from({ length: NR }, (_, i) => i),
      )
      ring.queueExit()
    }
  },
  NEEDS,
)

conformance('the ring of another kind has room at once', (stand) => {
  const ring = stand.openRing(4)
  for (let i = 0; i < 4; i++) put(ring, i, nop())
  assert.equal(ring.sqRingWait(), 0, 'none before a submit')
  submit(ring, 4)
  assert.equal(ring.sqRingWait(), 4)
})

/** A ring that shares the SQ thread of another. */
function openSharing(stand: Stand, first: Ring): Ring {
  const flags = SQPOLL | abi.IORING_SETUP_ATTACH_WQ
  return stand.openRing(8, { flags, wqFd: first.fd, sqThreadIdleMs: AWAKE_MS })
}

conformance(
  'rings share one SQ thread, which outlives the first of them',
  (stand) => {
    const before = pollers()
    const fresh = () => pollers().filter((tid) => !before.includes(tid))
    const first = stand.openRing(8, { flags: SQPOLL, sqThreadIdleMs: AWAKE_MS })
    const second = openSharing(stand, first)
    // It gives itself its name.
    until(() => fresh().length > 0, 'a thread')
    assert.equal(fresh().length, 1, 'one thread for both')
    const contents = [stand.alloc(4), stand.alloc(4)]
    const fds = [stand.file('one', 'one!'), stand.file('two', 'two!')]
    for (const [i, ring] of [first, second].entries()) {
      put(ring, i, readTo(fds[i]!, addressOf(contents[i]!), 4, 0))
      submit(ring, 1)
    }
    expectInOrder(first, '0:4')
    expectInOrder(second, '1:4')
    assert.equal(Buffer.from(contents[0]!).toString() + Buffer.from(contents[1]!).toString(), 'one!two!')
    first.queueExit()
    for (let i = 0; i < 20; i++) {
      put(second, i, nop())
      submit(second, 1)
      expectInOrder(second, `${i}:0`)
    }
    const third = openSharing(stand, second)
    put(third, 9, nop())
    submit(third, 1)
    expectInOrder(third, '9:0')
    assert.equal(fresh().length, 1, 'still one')
    const gone = stand.trySetup(4, {
      flags: SQPOLL | abi.IORING_SETUP_ATTACH_WQ,
      edit: (params) => params.setInt32(PARAMS.at.wq_fd, stand.closedFd(), true),
    })
    equalRes(gone.res, -ENXIO, 'attaching to a closed fd')
  },
  NEEDS,
)

conformance(
  'an SQ thread runs on the processor that it is given',
  (stand) => {
    const before = pollers()
    const cpu = allowedCpus().at(-1)!
    const flags = SQPOLL | abi.IORING_SETUP_SQ_AFF
    const ring = stand.openRing(8, { flags, sqThreadCpu: cpu, sqThreadIdleMs: AWAKE_MS })
    put(ring, 1, nop())
    submit(ring, 1)
    expectInOrder(ring, '1:0')
    const [tid] = pollers().filter((each) => !before.includes(each))
    const status = readFileSync(`/proc/self/task/${tid}/status`, 'utf8')
    assert.equal(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1], `${cpu}`)
  },
  { setup: SQPOLL | abi.IORING_SETUP_SQ_AFF },
)

function allowedCpus(): number[] {
  const [, list] = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))!
  return list!.split(',').flatMap((range) => {
    const [from, to = from] = range.split('-').map(Number)
    return Array.from({ length: to! - from! + 1 }, (_, i) => from! + i)
  })
}

conformance(
  'direct reads of a registered file through SQPOLL all come back',
  (stand) => {
    const BLOCK = 4096
    const NR = 64
    const path = stand.path(
      'blocks',
      Uint8Array.from({ length: NR * BLOCK }, (_, i) => (i >> 12) + 1),
    )
    const O_DIRECT = process.arch === 'arm64' ? 0o200000 : 0o40000
    const fd = stand.open(path, O_DIRECT)
    const ring = stand.openRing(16, { flags: SQPOLL, sqThreadIdleMs: SLEEPY_MS })
    equalRes(registerFiles(ring, new Int32Array([fd])), 0, 'registerFiles')
    const memory = stand.alloc((NR + 1) * BLOCK)
    const skew = BLOCK - (addressOf(memory) % BLOCK)
    let nrPut = 0
    for (let nrDone = 0; nrDone < NR; ) {
      while (nrPut < NR && ring.sq.spaceLeft() > 0) {
        const at = addressOf(memory) + skew + nrPut * BLOCK
        put(ring, nrPut, readTo(0, at, BLOCK, nrPut * BLOCK), abi.IOSQE_FIXED_FILE)
        nrPut++
      }
      ok(ring.submit(), 'submit')
      const [cqe] = reap(ring, 1)
      assert.equal(cqe!.res, BLOCK)
      assert.equal(memory[skew + cqe!.userData * BLOCK], cqe!.userData + 1)
      assert.equal(memory[skew + (cqe!.userData + 1) * BLOCK - 1], cqe!.userData + 1)
      nrDone++
    }
  },
  NEEDS,
)

conformance(
  'a process ends while an SQ thread polls for it',
  (stand) => {
    const bare = new URL('../../src/driver/bare.js', import.meta.url)
    const code = `
      import { loadSyscalls, prepNop, queueInit } from '${bare}'
      const ring = queueInit(await loadSyscalls('${stand.backend}'), 8, { flags: ${SQPOLL}, sqThreadIdleMs: ${AWAKE_MS} })
      prepNop(ring.sq.words, ring.sq.getSqe())
      ring.submitAndWait(1)
      console.log(ring.cq.ready())
      process.exit(0)`
    const args = ['--input-type=module', '-e', code]
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: HANG_MS })
    assert.deepEqual([status, signal, stdout], [0, null, '1\n'], stderr)
  },
  NEEDS,
)
