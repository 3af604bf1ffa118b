/**
 * Futexes, WAITID, EPOLL_CTL and EPOLL_WAIT. Bodies for every backend that has them.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as abi from '../../src/abi/constants.js'
import * as proc from '../../src/abi/process.js'
import { EAGAIN, EBADF, ECHILD, EEXIST, EFAULT, EINVAL, ENOENT, EPERM } from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import { equalRes, expectAnyOrder, expectInOrder, expectNothing, expectRun, ok, put, reap, submit } from './cqes.js'
import { sqe, withFields } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import type { Stand } from './stand.js'

const FUTEXES = { opcodes: [abi.IORING_OP_FUTEX_WAIT, abi.IORING_OP_FUTEX_WAKE, abi.IORING_OP_FUTEX_WAITV] }
const CHILDREN = { opcodes: [abi.IORING_OP_WAITID] }
const EPOLLS = { opcodes: [abi.IORING_OP_EPOLL_CTL, abi.IORING_OP_EPOLL_WAIT] }
const PRIVATE = proc.FUTEX2_SIZE_U32 | proc.FUTEX2_PRIVATE
const EVERY = proc.FUTEX_BITSET_MATCH_ANY

const wait = (word: Int32Array, value: number, mask = EVERY, flags = PRIVATE) =>
  sqe(prep.prepFutexWait, addressOf(word), value, mask, flags)
const wake = (word: Int32Array, count: number, mask = EVERY, flags = PRIVATE) =>
  sqe(prep.prepFutexWake, addressOf(word), count, mask, flags)
const cancel = (userData: number) => sqe(prep.prepCancel, userData)

function wordsOf(stand: Stand, count: number): Int32Array[] {
  const all = new Int32Array(stand.alloc(64 * count).buffer)
  return Array.from({ length: count }, (_, i) => all.subarray(16 * i, 16 * i + 1))
}

conformance(
  'who waits on a futex is woken, as many as are asked for',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      for (const flags of [PRIVATE, proc.FUTEX2_SIZE_U32]) {
        const [word] = wordsOf(stand, 1)
        for (let i = 1; i <= 3; i++) put(ring, i, wait(word!, 0, EVERY, flags))
        submit(ring, 3)
        expectNothing(ring, 'nobody wakes them')
        put(ring, 9, wake(word!, 1, EVERY, flags))
        submit(ring, 1)
        const cqes = reap(ring, 2)
        equalRes(cqes.find(({ userData }) => userData === 9)!.res, 1, 'wake one')
        expectNothing(ring, 'two still wait')
        put(ring, 9, wake(word!, 99, EVERY, flags))
        submit(ring, 1)
        equalRes(reap(ring, 3).find(({ userData }) => userData === 9)!.res, 2, 'wake the others')
        expectRun(ring, wake(word!, 1, EVERY, flags), 0, 'nobody waits')
      }
    })
  },
  FUTEXES,
)

conformance(
  'a futex that has changed is not waited for',
  (stand) => {
    const ring = stand.openRing(8)
    const [word] = wordsOf(stand, 1)
    word![0] = 5
    expectRun(ring, wait(word!, 4), -EAGAIN, 'another value')
    put(ring, 1, wait(word!, 5))
    submit(ring, 1)
    expectNothing(ring, 'the same value')
    put(ring, 2, wake(word!, 1))
    submit(ring, 1)
    expectAnyOrder(ring, '1:0 2:1')
  },
  FUTEXES,
)

conformance(
  'a waiter is woken by its bits alone, or cancelled',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [word] = wordsOf(stand, 1)
      put(ring, 1, wait(word!, 0, 0b01))
      put(ring, 2, wait(word!, 0, 0b10))
      submit(ring, 2)
      put(ring, 3, wake(word!, 9, 0b10))
      submit(ring, 1)
      expectAnyOrder(ring, '2:0 3:1')
      put(ring, 4, cancel(1))
      submit(ring, 1)
      // Of futexes and children the kernel answers how many.
      expectAnyOrder(ring, '1:-ECANCELED 4:1')
      expectRun(ring, wake(word!, 9), 0, 'nobody waits')
    })
  },
  FUTEXES,
)

conformance(
  'of many futexes one wakes the waiter, and is named',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const words = wordsOf(stand, 4)
      const vector = new DataView(stand.alloc(words.length * proc.FUTEX_WAITV.size).buffer)
      words.forEach((word, i) => {
        const at = i * proc.FUTEX_WAITV.size
        vector.setBigUint64(at + proc.FUTEX_WAITV.at.uaddr, BigInt(addressOf(word)), true)
        vector.setUint32(at + proc.FUTEX_WAITV.at.flags, PRIVATE, true)
      })
      const waitv = (count: number) => sqe(prep.prepFutexWaitv, addressOf(vector), count)
      put(ring, 1, waitv(4))
      submit(ring, 1)
      expectNothing(ring, 'nobody wakes it')
      put(ring, 2, wake(words[2]!, 1))
      submit(ring, 1)
      expectAnyOrder(ring, '1:2 2:1')
      words[3]![0] = 1
      expectRun(ring, waitv(4), -EAGAIN, 'one has changed')
      put(ring, 1, waitv(3))
      submit(ring, 1)
      put(ring, 3, cancel(1))
      submit(ring, 1)
      expectAnyOrder(ring, '1:-ECANCELED 3:1')
      expectRun(ring, waitv(0), -EINVAL, 'none')
      expectRun(ring, waitv(proc.FUTEX_WAITV_MAX + 1), -EINVAL, 'too many')
    })
  },
  FUTEXES,
)

conformance(
  'futexes that make no sense are refused',
  (stand) => {
    const ring = stand.openRing(8)
    const [word] = wordsOf(stand, 1)
    const address = addressOf(word!)
    expectRun(ring, wait(word!, 0, 0), -EINVAL, 'no bits')
    expectRun(ring, wake(word!, 1, 0), -EINVAL, 'wake by no bits')
    expectRun(ring, wait(word!, 0, EVERY, proc.FUTEX2_SIZE_U64 | proc.FUTEX2_PRIVATE), -EINVAL, 'another size')
    expectRun(ring, wait(word!, 0, EVERY, 0x1000), -EINVAL, 'an unknown flag')
    expectRun(ring, sqe(prep.prepFutexWait, address + 2, 0, EVERY, PRIVATE), -EINVAL, 'not at a word')
    expectRun(ring, sqe(prep.prepFutexWait, 4096, 0, EVERY, PRIVATE), -EFAULT, 'no word')
    expectRun(ring, withFields(wait(word!, 0), { futex_flags: 1 }), -EINVAL, 'flags of the request')
  },
  FUTEXES,
)

/** A child that ends with code 7 once its pipe is closed, and that pipe. */
function child(stand: Stand) {
  const { readEnd, writeEnd } = stand.pipe(abi.O_CLOEXEC)
  const made = spawn('/bin/sh', ['-c', 'read line; exit 7'], { stdio: [readEnd, 'ignore', 'ignore'] })
  stand.closeFd(readEnd)
  assert.ok(made.pid !== undefined)
  return { pid: made.pid, process: made, gone: once(made, 'exit'), letGo: () => stand.closeFd(writeEnd) }
}

const waitid = (pid: number, info: Uint8Array, options: number) =>
  sqe(prep.prepWaitid, proc.P_PID, pid, addressOf(info), options | proc.WNOWAIT)

conformance(
  'a child is waited for until it ends, and how it did is told',
  async (stand) => {
    const ring = stand.openRing(8)
    const info = stand.alloc(proc.SIGINFO.size)
    const view = new DataView(info.buffer)
    const { pid, letGo, gone } = child(stand)
    put(ring, 1, waitid(pid, info, proc.WEXITED))
    submit(ring, 1)
    expectNothing(ring, 'it lives')
    letGo()
    expectInOrder(ring, '1:0')
    const { at } = proc.SIGINFO
    assert.equal(view.getInt32(at.si_pid, true), pid)
    assert.equal(view.getInt32(at.si_code, true), proc.CLD_EXITED)
    assert.equal(view.getInt32(at.si_status, true), 7)
    expectRun(ring, waitid(pid, info, proc.WEXITED), 0, 'one that has ended')
    // Nobody has reaped it: Node does.
    assert.deepEqual(await gone, [7, null])
  },
  CHILDREN,
)

conformance(
  'a child that is killed tells the signal, and a wait for it is cancelled',
  async (stand) => {
    const ring = stand.openRing(8)
    const info = stand.alloc(proc.SIGINFO.size)
    const { pid, process: made, gone, letGo } = child(stand)
    put(ring, 1, waitid(pid, info, proc.WEXITED))
    submit(ring, 1)
    put(ring, 2, cancel(1))
    submit(ring, 1)
    expectAnyOrder(ring, '1:-ECANCELED 2:1')
    put(ring, 3, waitid(pid, info, proc.WEXITED))
    submit(ring, 1)
    made.kill('SIGKILL')
    expectInOrder(ring, '3:0')
    const view = new DataView(info.buffer)
    assert.equal(view.getInt32(proc.SIGINFO.at.si_code, true), proc.CLD_KILLED)
    assert.equal(view.getInt32(proc.SIGINFO.at.si_status, true), 9)
    letGo()
    await gone
  },
  CHILDREN,
)

conformance(
  'waits for children that make no sense are refused',
  (stand) => {
    const ring = stand.openRing(8)
    const info = stand.alloc(proc.SIGINFO.size)
    expectRun(ring, waitid(1, info, proc.WEXITED), -ECHILD, 'somebody else’s child')
    expectRun(ring, waitid(process.pid, info, 0x10), -EINVAL, 'an unknown option')
    expectRun(ring, sqe(prep.prepWaitid, 9, 1, 0, proc.WEXITED), -EINVAL, 'an unknown kind')
    expectRun(ring, withFields(waitid(1, info, proc.WEXITED), { waitid_flags: 1 }), -EINVAL, 'flags of the request')
  },
  CHILDREN,
)

const EPOLL_CREATE1 = process.arch === 'arm64' ? 20 : 291

function epoll(stand: Stand): number {
  return stand.own(ok(libc('syscall')(EPOLL_CREATE1, abi.O_CLOEXEC, 0, 0, 0, 0, 0), 'epoll_create1'))
}

function event(stand: Stand, events: number, data: number): number {
  const bytes = stand.alloc(proc.EPOLL_EVENT.size)
  const view = new DataView(bytes.buffer)
  view.setUint32(proc.EPOLL_EVENT.at.events, events, true)
  view.setUint32(proc.EPOLL_EVENT.at.data, data, true)
  return addressOf(bytes)
}

conformance(
  'files are added to an epoll, and their events waited for',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const fd = epoll(stand)
      const pipes = [stand.pipe(), stand.pipe()]
      for (const [i, { readEnd }] of pipes.entries()) {
        const add = sqe(prep.prepEpollCtl, fd, readEnd, proc.EPOLL_CTL_ADD, event(stand, proc.EPOLLIN, 70 + i))
        expectRun(ring, add, 0, 'add')
        expectRun(ring, add, -EEXIST, 'add twice')
      }
      const room = stand.alloc(4 * proc.EPOLL_EVENT.size)
      const view = new DataView(room.buffer)
      put(ring, 1, sqe(prep.prepEpollWait, fd, addressOf(room), 4))
      submit(ring, 1)
      expectNothing(ring, 'both pipes are empty')
      stand.write(pipes[1]!.writeEnd, 'x')
      expectInOrder(ring, '1:1')
      assert.equal(view.getUint32(proc.EPOLL_EVENT.at.events, true), proc.EPOLLIN)
      assert.equal(view.getUint32(proc.EPOLL_EVENT.at.data, true), 71)
      stand.write(pipes[0]!.writeEnd, 'x')
      expectRun(ring, sqe(prep.prepEpollWait, fd, addressOf(room), 4), 2, 'both')
      expectRun(ring, sqe(prep.prepEpollWait, fd, addressOf(room), 1), 1, 'as there is room')
      const remove = sqe(prep.prepEpollCtl, fd, pipes[0]!.readEnd, proc.EPOLL_CTL_DEL, 0)
      expectRun(ring, remove, 0, 'remove')
      expectRun(ring, remove, -ENOENT, 'remove twice')
    })
  },
  EPOLLS,
)

conformance(
  'a wait for an epoll is cancelled, or refused where there is none',
  (stand) => {
    const ring = stand.openRing(8)
    const fd = epoll(stand)
    const room = stand.alloc(proc.EPOLL_EVENT.size)
    const waiting = sqe(prep.prepEpollWait, fd, addressOf(room), 1)
    put(ring, 1, waiting)
    submit(ring, 1)
    put(ring, 2, cancel(1))
    submit(ring, 1)
    expectAnyOrder(ring, '1:-ECANCELED 2:0')
    expectRun(ring, sqe(prep.prepEpollWait, fd, addressOf(room), 0), -EINVAL, 'no room')
    expectRun(ring, sqe(prep.prepEpollWait, stand.pipe().readEnd, addressOf(room), 1), -EINVAL, 'no epoll')
    expectRun(ring, withFields(waiting, { rw_flags: 1 }), -EINVAL, 'a flag')
    const add = (target: number, op = proc.EPOLL_CTL_ADD) =>
      sqe(prep.prepEpollCtl, fd, target, op, event(stand, proc.EPOLLIN, 0))
    expectRun(ring, add(stand.file('file', '')), -EPERM, 'a file, which cannot be polled')
    expectRun(ring, add(stand.closedFd()), -EBADF, 'a closed fd')
    expectRun(ring, add(fd), -EINVAL, 'itself')
    expectRun(ring, add(stand.pipe().readEnd, 99), -EINVAL, 'an unknown change')
  },
  EPOLLS,
)
