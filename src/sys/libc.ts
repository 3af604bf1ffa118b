/**
 * The C library in one table: name, signature, and a call that returns n or -errno. Any thread.
 *
 * Addresses are numbers. If the C library lacks a call, or a filter refuses it, an older call replaces it (older.ts),
 * or it returns -ENOSYS. The caller keeps the memory that it passes alive.
 */
import { builtin } from '../lib/builtin.js'
import { ENOSYS } from '../lib/errno.js'
import { process } from '../lib/globals.js'
import type { CFunction, CType } from './c-function.js'
import { ffi } from './ffi.js'
import { orOlder } from './older.js'

/** System-call numbers that differ by architecture; io_uring's own are 425 to 427 and openat2 is 437 everywhere. */
const NR: Readonly<Record<string, Readonly<Record<'gettid' | 'tgkill' | 'process_vm_readv' | 'kcmp', number>>>> = {
  x64: { gettid: 186, tgkill: 234, process_vm_readv: 310, kcmp: 312 },
  arm64: { gettid: 178, tgkill: 131, process_vm_readv: 270, kcmp: 272 },
}
const nr = NR[process.arch]

const IO_URING_SETUP = 425
const IO_URING_ENTER = 426
const IO_URING_REGISTER = 427
const OPENAT2 = 437

const LONG6: readonly CType[] = ['long', 'long', 'long', 'long', 'long', 'long', 'long']

// symbol, result, arguments
// biome-ignore format: table
const TABLE = {
  close:      ['close',      'int',  ['int']],
  fsync:      ['fsync',      'int',  ['int']],
  fdatasync:  ['fdatasync',  'int',  ['int']],
  read:       ['read',       'long', ['int', 'long', 'size']],
  write:      ['write',      'long', ['int', 'long', 'size']],
  lseek:      ['lseek',      'long', ['int', 'long', 'int']],
  pread:      ['pread',      'long', ['int', 'long', 'size', 'long']],
  pwrite:     ['pwrite',     'long', ['int', 'long', 'size', 'long']],
  preadv2:    ['preadv2',    'long', ['int', 'long', 'int', 'long', 'int']],
  pwritev2:   ['pwritev2',   'long', ['int', 'long', 'int', 'long', 'int']],
  openat:     ['openat',     'int',  ['int', 'long', 'int', 'uint']],
  statx:      ['statx',      'int',  ['int', 'long', 'int', 'uint', 'long']],
  fstatfs:    ['fstatfs',    'int',  ['int', 'long']],
  fallocate:  ['fallocate',  'int',  ['int', 'int', 'long', 'long']],
  ftruncate:  ['ftruncate',  'int',  ['int', 'long']],
  madvise:    ['madvise',    'int',  ['long', 'size', 'int']],
  sync_file_range: ['sync_file_range', 'int', ['int', 'long', 'long', 'uint']],
  posix_fadvise:   ['posix_fadvise',   'int', ['int', 'long', 'long', 'int']],
  unlinkat:   ['unlinkat',   'int',  ['int', 'long', 'int']],
  renameat2:  ['renameat2',  'int',  ['int', 'long', 'int', 'long', 'uint']],
  mkdirat:    ['mkdirat',    'int',  ['int', 'long', 'uint']],
  symlinkat:  ['symlinkat',  'int',  ['long', 'int', 'long']],
  linkat:     ['linkat',     'int',  ['int', 'long', 'int', 'long', 'int']],
  setxattr:   ['setxattr',   'int',  ['long', 'long', 'long', 'size', 'int']],
  fsetxattr:  ['fsetxattr',  'int',  ['int', 'long', 'long', 'size', 'int']],
  getxattr:   ['getxattr',   'long', ['long', 'long', 'long', 'size']],
  fgetxattr:  ['fgetxattr',  'long', ['int', 'long', 'long', 'size']],
  clock_gettime: ['clock_gettime', 'int', ['int', 'long']],
  splice:     ['splice',     'long', ['int', 'long', 'int', 'long', 'size', 'uint']],
  tee:        ['tee',        'long', ['int', 'int', 'size', 'uint']],
  fcntl:      ['fcntl',      'int',  ['int', 'int', 'long']],
  poll:       ['poll',       'int',  ['long', 'long', 'int']],
  eventfd:    ['eventfd',    'int',  ['uint', 'int']],
  pipe2:      ['pipe2',      'int',  ['long', 'int']],
  dup3:       ['dup3',       'int',  ['int', 'int', 'int']],
  mmap:       ['mmap',       'long', ['long', 'size', 'int', 'int', 'int', 'long']],
  munmap:     ['munmap',     'int',  ['long', 'size']],
  sigaction:  ['sigaction',  'int',  ['int', 'long', 'long']],
  sched_getaffinity: ['sched_getaffinity', 'int', ['int', 'size', 'long']],
  sched_setaffinity: ['sched_setaffinity', 'int', ['int', 'size', 'long']],
  prctl:      ['prctl',      'int',  ['int', 'long', 'long', 'long', 'long']],
  memcpy:     ['memcpy',     'long', ['long', 'long', 'size']],
  syscall:    ['syscall',    'long', LONG6],
} as const satisfies Record<string, readonly [string, 'int' | 'long', readonly CType[]]>

export type LibcName = keyof typeof TABLE

const bound = new Map<LibcName, CFunction>()

/** A function of the table, bound once a thread. Throws ERR_URING_NO_FFI where FFI cannot load. */
export function libc(name: LibcName): CFunction {
  let call = bound.get(name)
  if (call === undefined) {
    const [symbol, result, args] = TABLE[name]
    call = orOlder(name, ffi().func(symbol, result, args), syscall)
    bound.set(name, call)
  }
  return call
}

const syscall = () => libc('syscall')

/** io_uring_setup(2). */
export function ioUringSetup(entries: number, params: number): number {
  return libc('syscall')(IO_URING_SETUP, entries, params, 0, 0, 0, 0)
}

/** io_uring_enter(2), in the form of six arguments that its man page calls io_uring_enter2. */
export function ioUringEnter(
  fd: number,
  toSubmit: number,
  minComplete: number,
  flags: number,
  arg: number,
  argsz: number,
): number {
  return libc('syscall')(IO_URING_ENTER, fd, toSubmit, minComplete, flags, arg, argsz)
}

/** io_uring_register(2). */
export function ioUringRegister(fd: number, opcode: number, arg: number, nrArgs: number): number {
  return libc('syscall')(IO_URING_REGISTER, fd, opcode, arg, nrArgs, 0, 0)
}

/** openat2(2). -ENOSYS before Linux 5.6. */
export function openat2(dirfd: number, path: number, how: number, sizeBytes: number): number {
  return libc('syscall')(OPENAT2, dirfd, path, how, sizeBytes, 0, 0)
}

/** The kernel's id of the calling thread. */
export function gettid(): number {
  return nr === undefined ? -ENOSYS : libc('syscall')(nr.gettid, 0, 0, 0, 0, 0, 0)
}

/**
 * Whether this is the process's first thread, Node's main thread. The kernel answers: node:worker_threads would take
 * 1.5 ms to load.
 */
export function isMainThread(): boolean {
  const tid = gettid()
  return tid < 0 ? builtin('node:worker_threads').isMainThread : tid === process.pid
}

/** Sends a signal to one thread of this process. */
export function tgkill(tid: number, signal: number): number {
  return nr === undefined ? -ENOSYS : libc('syscall')(nr.tgkill, process.pid, tid, signal, 0, 0, 0)
}

/** process_vm_readv(2) on this process: a copy that answers -EFAULT for a bad address instead of faulting. */
export function processVmReadv(localIov: number, remoteIov: number): number {
  return nr === undefined ? -ENOSYS : libc('syscall')(nr.process_vm_readv, process.pid, localIov, 1, remoteIov, 1, 0)
}

/**
 * Checks `nr` iovecs as the kernel does on import: 0, -EINVAL for a negative length, -EFAULT for a range beyond user
 * space. Moves no data.
 */
export function checkIovecs(iovecs: number, nrVecs: number): number {
  return nr === undefined ? -ENOSYS : libc('syscall')(nr.process_vm_readv, process.pid, iovecs, nrVecs, 0, 0, 0)
}

const KCMP_FILE = 0

/** Compares the open files behind two fds of this process: 0 for the same one, positive for two, or -errno. */
export function kcmpFile(a: number, b: number): number {
  if (nr === undefined) return -ENOSYS
  return libc('syscall')(nr.kcmp, process.pid, process.pid, KCMP_FILE, a, b, 0)
}

/** Binds all functions of the table now. Throws as libc() does. */
export function bindAll(): void {
  for (const name of Object.keys(TABLE) as LibcName[]) libc(name)
}
