/**
 * One errno table, and a negated errno turned into an Error as Node makes it. Any thread.
 *
 * Names and texts are libuv's (util.getSystemErrorMap), so messages equal those of node:fs; the kernel's own few that
 * libuv does not know are added. Counterpart: include/uapi/asm-generic/errno.h and Node's uvException.
 */
import { builtin } from './builtin.js'
import { withProps } from './error-props.js'

export const EPERM = 1
export const ENOENT = 2
export const EINTR = 4
export const EIO = 5
export const ENXIO = 6
export const E2BIG = 7
export const EBADF = 9
export const ECHILD = 10
export const EAGAIN = 11
export const ENOMEM = 12
export const EACCES = 13
export const EFAULT = 14
export const EBUSY = 16
export const EEXIST = 17
export const ENOTDIR = 20
export const EISDIR = 21
export const EINVAL = 22
export const ENFILE = 23
export const EMFILE = 24
export const ESPIPE = 29
export const EPIPE = 32
export const ERANGE = 34
export const ENAMETOOLONG = 36
export const ENOSYS = 38
export const ENOTEMPTY = 39
export const ELOOP = 40
export const EBADR = 53
export const ENODATA = 61
export const ETIME = 62
export const EOVERFLOW = 75
export const EBADFD = 77
export const ENOTSOCK = 88
export const EOPNOTSUPP = 95
export const EAFNOSUPPORT = 97
export const EADDRINUSE = 98
export const ENOBUFS = 105
export const ECONNREFUSED = 111
export const EALREADY = 114
export const ECANCELED = 125
export const EOWNERDEAD = 130
/** Between the kernel and the C library alone; a request may end with it all the same. */
export const ERESTARTSYS = 512

/** Whether a call failed for lack of descriptors or memory: the next call may succeed. */
export function isShortage(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code
  return code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM'
}

/** [name, text] of errnos that libuv's map lacks. */
const KERNEL_ONLY: Readonly<Record<number, readonly [string, string]>> = {
  [EBADR]: ['EBADR', 'completions were lost'],
  [ETIME]: ['ETIME', 'timer expired'],
  [EBADFD]: ['EBADFD', 'file descriptor in bad state'],
  [EOWNERDEAD]: ['EOWNERDEAD', 'owner died'],
  [ERESTARTSYS]: ['ERESTARTSYS', 'interrupted system call should be restarted'],
}

let known: Map<number, [name: string, text: string]> | undefined

function system(): Map<number, [name: string, text: string]> {
  known ??= builtin('node:util').getSystemErrorMap()
  return known
}

/** `'ENOENT'` for 2 or -2; `'E12345'` for a number no table knows. */
export function errnoName(errno: number): string {
  const n = Math.abs(errno)
  return system().get(-n)?.[0] ?? KERNEL_ONLY[n]?.[0] ?? `E${n}`
}

/** The text that strerror would give, in libuv's words. */
export function errnoText(errno: number): string {
  const n = Math.abs(errno)
  return system().get(-n)?.[1] ?? KERNEL_ONLY[n]?.[1] ?? `unknown error ${n}`
}

export interface ErrnoException extends Error {
  errno: number
  code: string
  syscall: string
  path?: string
  dest?: string
}

/**
 * An Error for a failed call: message `CODE: text, syscall 'path' -> 'dest'`, with errno (negative), code, syscall, and
 * path and dest where given.
 */
export function errnoError(
  res: number,
  syscall: string,
  path?: string | Buffer,
  dest?: string | Buffer,
): ErrnoException {
  const errno = -Math.abs(res)
  const code = errnoName(errno)
  let message = `${code}: ${errnoText(errno)}, ${syscall}`
  if (path !== undefined) message += ` '${path.toString()}'`
  if (dest !== undefined) message += ` -> '${dest.toString()}'`
  const props: { errno: number; code: string; syscall: string; path?: string; dest?: string } = { errno, code, syscall }
  if (path !== undefined) props.path = path.toString()
  if (dest !== undefined) props.dest = dest.toString()
  return withProps(new Error(message), props)
}
