/**
 * Waiting for futexes, child processes and epoll. Runs on the app's thread; sqe.ts has the rules for every function.
 *
 * Counterpart: io_uring_prep_futex_*, _waitid and _epoll_* of liburing.
 */
import * as abi from '../../abi/constants.js'
import { ADDR3, FILE_INDEX, OP_FLAGS, prepRw, put64 } from './sqe.js'

/**
 * futex_wake: wakes up to `val` of those who wait on the word at `futex` with a bit of `mask`.
 *
 * `futexFlags` are FUTEX2_*: FUTEX2_SIZE_U32, and FUTEX2_PRIVATE for a word of this process alone. Wakes the waiters of
 * prepFutexWait and of futex(2), of the same kind only. `flags` must be 0.
 * Result: how many it woke; -EINVAL for other sizes, a misaligned word, a mask of 0; -EFAULT. Since Linux 6.7.
 */
export function prepFutexWake(
  words: Int32Array,
  at: number,
  futex: number,
  val: number,
  mask: number,
  futexFlags: number,
  flags = 0,
): void {
  prepRw(words, at, abi.IORING_OP_FUTEX_WAKE, futexFlags, futex, 0, val)
  words[at + OP_FLAGS] = flags
  put64(words, at + ADDR3, mask)
}

/**
 * futex_wait: completes when the word at `futex` is woken with a bit of `mask`, if it is `val` when the wait begins.
 *
 * Arguments as for prepFutexWake; FUTEX_BITSET_MATCH_ANY is woken by all.
 * Result: 0; -EAGAIN when the word is another; -ECANCELED; -EINVAL, -EFAULT. Since Linux 6.7.
 */
export function prepFutexWait(
  words: Int32Array,
  at: number,
  futex: number,
  val: number,
  mask: number,
  futexFlags: number,
  flags = 0,
): void {
  prepRw(words, at, abi.IORING_OP_FUTEX_WAIT, futexFlags, futex, 0, val)
  words[at + OP_FLAGS] = flags
  put64(words, at + ADDR3, mask)
}

/**
 * futex_waitv: completes when one of the `nrFutex` words named by the FUTEX_WAITVs at `futex` is woken.
 *
 * Result: the index of the one woken; -EAGAIN when a word was not what its `val` says; -EINVAL for none or more than 128;
 * -ECANCELED, -EFAULT. Since Linux 6.7.
 */
export function prepFutexWaitv(words: Int32Array, at: number, futex: number, nrFutex: number, flags = 0): void {
  prepRw(words, at, abi.IORING_OP_FUTEX_WAITV, 0, futex, nrFutex, 0)
  words[at + OP_FLAGS] = flags
}

/**
 * waitid(2): completes when a child changes as `options` ask (WEXITED, WSTOPPED, …); `idtype` is P_PID and the like.
 *
 * A SIGINFO is written at `infop`, unless that is 0. Without WNOWAIT a child that ended is reaped: do not ask for one that
 * node:child_process waits for. `flags` must be 0.
 * Result: 0; -ECHILD where there is no such child; -EINVAL; -ECANCELED. Since Linux 6.7.
 */
export function prepWaitid(
  words: Int32Array,
  at: number,
  idtype: number,
  id: number,
  infop: number,
  options: number,
  flags = 0,
): void {
  prepRw(words, at, abi.IORING_OP_WAITID, id, 0, idtype, infop)
  words[at + OP_FLAGS] = flags
  words[at + FILE_INDEX] = options
}

/**
 * epoll_ctl(2): `op` is EPOLL_CTL_*; `event` the address of an EPOLL_EVENT, read before submit returns, or 0 for DEL.
 *
 * Result: 0; -EEXIST, -ENOENT, -EPERM for what cannot be polled, -EBADF, -EINVAL, -ELOOP. Since Linux 5.6.
 */
export function prepEpollCtl(words: Int32Array, at: number, epfd: number, fd: number, op: number, event: number): void {
  prepRw(words, at, abi.IORING_OP_EPOLL_CTL, epfd, event, op, fd)
}

/**
 * epoll_wait(2) without a timeout: up to `maxEvents` EPOLL_EVENTs are written at `events` once there is one.
 *
 * `flags` must be 0. Result: how many there are; -EINVAL for what is no epoll fd or for no room; -EFAULT, -ECANCELED.
 * Since Linux 6.15.
 */
export function prepEpollWait(
  words: Int32Array,
  at: number,
  fd: number,
  events: number,
  maxEvents: number,
  flags = 0,
): void {
  prepRw(words, at, abi.IORING_OP_EPOLL_WAIT, fd, events, maxEvents, 0)
  words[at + OP_FLAGS] = flags
}
