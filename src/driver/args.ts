/**
 * The caller's arguments, checked as Node checks them, before anything is queued. Runs on the app's thread.
 *
 * Each check throws an error with Node's code, or returns the value for the SQE. Counterpart: Node's
 * lib/internal/validators.js and lib/internal/fs/utils.js.
 */
import {
  AT_FDCWD,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_SYNC,
  O_TRUNC,
  O_WRONLY,
} from '../abi/constants.js'
import { MAX_RW_COUNT } from '../abi/limits.js'
import { IOVEC } from '../abi/structs.js'
import { codeError } from '../lib/arg-errors.js'
import { builtin } from '../lib/builtin.js'
import { Buffer, URL } from '../lib/globals.js'
import { bufferOf, bytesOf, isDetached, isView, lengthOf } from '../lib/views.js'
import { high32, low32 } from '../sys/memory.js'
import { checkInteger, invalidArgType, invalidArgValue } from './errors.js'
import { checkFixed, heldAddressOf } from './hold.js'

export type Path = string | Buffer | URL

const IOVEC_WORDS = IOVEC.size >> 2
const IOV_BASE = IOVEC.at.iov_base >> 2
const IOV_LEN = IOVEC.at.iov_len >> 2
const { includes } = Uint8Array.prototype
const INT32_MAX = 0x7fffffff
const UINT32_MAX = 0xffffffff

export function checkFd(fd: number, name = 'fd'): void {
  if (typeof fd === 'number' && (fd | 0) === fd && fd >= 0) return
  checkInteger(fd, name, 0, INT32_MAX)
}

export function checkDirfd(dirfd: number, name = 'options.dirfd'): void {
  if (dirfd !== AT_FDCWD) checkFd(dirfd, name)
}

export function checkUint32(value: number, name: string): void {
  checkInteger(value, name, 0, UINT32_MAX)
}

/** The file position for an SQE: -1 stands for the file's own. */
export function checkPosition(position: number | null | undefined): number {
  if (position === null || position === undefined) return -1
  checkInteger(position, 'position', 0, Number.MAX_SAFE_INTEGER)
  return position
}

function noView(name: string, value: unknown): Error {
  return invalidArgType(name, 'an instance of Buffer, TypedArray, or DataView', value)
}

export function checkBuffer(buffer: ArrayBufferView, name = 'buffer'): void {
  if (!isView(buffer)) throw noView(name, buffer)
  if (lengthOf(buffer) === 0 && isDetached(bufferOf(buffer))) {
    throw codeError(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument '${name}' is detached`)
  }
}

/** Where in the buffer to begin, in bytes. */
export function checkOffset(offset: number | undefined, byteLength: number): number {
  if (offset === undefined) return 0
  checkInteger(offset, 'offset', 0, byteLength)
  return offset
}

/** How many bytes to move; undefined means the rest of the buffer. */
export function checkLength(length: number | null | undefined, restBytes: number): number {
  if (length === undefined || length === null) return Math.min(restBytes, MAX_RW_COUNT)
  checkInteger(length, 'length', 0, restBytes)
  return Math.min(length, MAX_RW_COUNT)
}

/**
 * The views of an array. Each is read once, and all are checked again afterwards: an accessor may undo what was read.
 */
export function checkBuffers(buffers: readonly ArrayBufferView[]): ArrayBufferView[] {
  if (!Array.isArray(buffers)) throw invalidArgType('buffers', 'an instance of Array', buffers)
  const views: ArrayBufferView[] = []
  const { length } = buffers
  for (let i = 0; i < length; i++) {
    const buffer = buffers[i]!
    // Thrown at once: an iterable that holds no views may be endless.
    if (!isView(buffer)) throw noView(`buffers[${i}]`, buffer)
    views.push(buffer)
  }
  views.forEach((buffer, i) => {
    const name = `buffers[${i}]`
    checkBuffer(buffer, name)
    checkFixed(buffer, name)
  })
  return views
}

export function totalBytes(views: readonly ArrayBufferView[]): number {
  let total = 0
  for (const view of views) total += lengthOf(view)
  return total
}

/** A path as a file name for errors: what the caller gave, with a URL resolved. */
export function checkPath(path: Path, name = 'path'): string | Buffer {
  if (path instanceof URL) return checkPath(builtin('node:url').fileURLToPath(path), name)
  const isString = typeof path === 'string'
  if (!isString && !isBytes(path)) {
    throw invalidArgType(name, 'of type string or an instance of Buffer or URL', path)
  }
  if (isString ? path.includes('\u0000') : includes.call(bytesOf(path as Buffer), 0)) {
    throw invalidArgValue(name, path, 'must be a string, Uint8Array, or URL without null bytes')
  }
  return path
}

/** A Uint8Array, even of another realm (node:vm). */
function isBytes(value: unknown): boolean {
  return isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]'
}

/** The bytes of a checked path, with the NUL that ends it. */
export function pathBytes(path: string | Buffer): Buffer {
  if (typeof path === 'string') return Buffer.from(`${path}\0`)
  const bytes = bytesOf(path)
  const copy = Buffer.alloc(bytes.length + 1)
  copy.set(bytes)
  return copy
}

const WRITE = O_TRUNC | O_CREAT | O_WRONLY
const WRITE_READ = O_TRUNC | O_CREAT | O_RDWR
const APPEND = O_APPEND | O_CREAT | O_WRONLY
const APPEND_READ = O_APPEND | O_CREAT | O_RDWR

/** The flags that node:fs knows by name. */
// biome-ignore format: table
export const OPEN_FLAGS: Readonly<Record<string, number>> = {
  r:   O_RDONLY,             rs:  O_RDONLY | O_SYNC,       sr:  O_RDONLY | O_SYNC,
  'r+': O_RDWR,              'rs+': O_RDWR | O_SYNC,       'sr+': O_RDWR | O_SYNC,
  w:   WRITE,                wx:  WRITE | O_EXCL,          xw:  WRITE | O_EXCL,
  'w+': WRITE_READ,          'wx+': WRITE_READ | O_EXCL,   'xw+': WRITE_READ | O_EXCL,
  a:   APPEND,               ax:  APPEND | O_EXCL,         xa:  APPEND | O_EXCL,
  as:  APPEND | O_SYNC,      sa:  APPEND | O_SYNC,
  'a+': APPEND_READ,         'ax+': APPEND_READ | O_EXCL,  'xa+': APPEND_READ | O_EXCL,
  'as+': APPEND_READ | O_SYNC, 'sa+': APPEND_READ | O_SYNC,
}

/** The flags for open(2); close-on-exec is always added, as in Node. */
export function checkOpenFlags(flags: string | number): number {
  if (typeof flags === 'number') {
    checkInteger(flags, 'flags', 0, INT32_MAX)
    return flags | O_CLOEXEC
  }
  const bits = typeof flags === 'string' && Object.hasOwn(OPEN_FLAGS, flags) ? OPEN_FLAGS[flags] : undefined
  if (bits === undefined) throw invalidArgValue('flags', flags)
  return bits | O_CLOEXEC
}

/** An array of struct iovec for the buffers, in place. */
export function iovecsOf(buffers: readonly ArrayBufferView[]): Int32Array {
  const words = new Int32Array(Math.max(1, buffers.length) * IOVEC_WORDS)
  buffers.forEach((buffer, i) => {
    putIovec(words, i * IOVEC_WORDS, heldAddressOf(buffer), lengthOf(buffer))
  })
  return words
}

/** One struct iovec. */
export function iovecOf(address: number, length: number): Int32Array {
  const words = new Int32Array(IOVEC_WORDS)
  putIovec(words, 0, address, length)
  return words
}

function putIovec(words: Int32Array, at: number, address: number, length: number): void {
  words[at + IOV_BASE] = low32(address)
  words[at + IOV_BASE + 1] = high32(address)
  words[at + IOV_LEN] = low32(length)
  words[at + IOV_LEN + 1] = high32(length)
}
