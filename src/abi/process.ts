/**
 * Arguments of operations that wait: futexes, child processes, epoll; and the clocks. Any thread; no state.
 *
 * This file must never hold a number of our own. Counterpart: include/uapi/linux: futex.h, wait.h, eventpoll.h;
 * asm/siginfo.h; the C library's time.h.
 */
import { process } from '../lib/globals.js'
import { lazyStruct } from '../lib/layout.js'

// biome-ignore format: table
export const FUTEX_WAITV = lazyStruct('futex_waitv', [
  //field      type   written by meaning                            offset
  ['val',      'u64', 'app',     'what the word must be',           0],
  ['uaddr',    'u64', 'app',     'address of the word',             8],
  ['flags',    'u32', 'app',     'FUTEX2_*',                        16],
  ['reserved', 'u32', 'app',     'must be 0',                       20],
])

/** On x86-64 epoll_event is packed. */
const EPOLL_DATA_AT = process.arch === 'x64' ? 4 : 8

// biome-ignore format: table
export const EPOLL_EVENT = lazyStruct('epoll_event', [
  //field   type     written by meaning                     offset
  ['events', 'u32',   'app',     'EPOLL*',                  0],
  ['data',   'u8[8]', 'app',     'comes back with the event', EPOLL_DATA_AT],
])

// biome-ignore format: table
export const SIGINFO = lazyStruct('siginfo', [
  //field       type      written by meaning                                       offset
  ['si_signo',  's32',    'kernel',  'SIGCHLD (17)',                               0],
  ['si_errno',  's32',    'kernel',  '0',                                          4],
  ['si_code',   's32',    'kernel',  'CLD_*: how the child changed',               8],
  ['si_pid',    's32',    'kernel',  'which child',                                16],
  ['si_uid',    'u32',    'kernel',  'its user',                                   20],
  ['si_status', 's32',    'kernel',  'exit code with CLD_EXITED, else the signal', 24],
  ['si_pad',    'u32[32]', 'kernel', 'all of it',                                  0],
])

export const FUTEX2_SIZE_U8 = 0x0
export const FUTEX2_SIZE_U16 = 0x1
export const FUTEX2_SIZE_U32 = 0x2
export const FUTEX2_SIZE_U64 = 0x3
export const FUTEX2_NUMA = 0x4
export const FUTEX2_PRIVATE = 0x80
export const FUTEX_BITSET_MATCH_ANY = 0xffff_ffff
export const FUTEX_WAITV_MAX = 128

export const P_ALL = 0
export const P_PID = 1
export const P_PGID = 2
export const P_PIDFD = 3
export const WNOHANG = 0x1
export const WSTOPPED = 0x2
export const WEXITED = 0x4
export const WCONTINUED = 0x8
export const WNOWAIT = 0x100_0000
export const CLD_EXITED = 1
export const CLD_KILLED = 2
export const CLD_DUMPED = 3
export const CLD_TRAPPED = 4
export const CLD_STOPPED = 5
export const CLD_CONTINUED = 6

export const EPOLL_CTL_ADD = 1
export const EPOLL_CTL_DEL = 2
export const EPOLL_CTL_MOD = 3
export const EPOLLIN = 0x1
export const EPOLLPRI = 0x2
export const EPOLLOUT = 0x4
export const EPOLLERR = 0x8
export const EPOLLHUP = 0x10
export const EPOLLRDHUP = 0x2000
export const EPOLLEXCLUSIVE = 0x1000_0000
export const EPOLLONESHOT = 0x4000_0000
export const EPOLLET = 0x8000_0000

export const CLOCK_REALTIME = 0
export const CLOCK_MONOTONIC = 1
export const CLOCK_BOOTTIME = 7
