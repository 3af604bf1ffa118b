/**
 * What an fd refers to: open or not, which kind of file, which inode. Any thread; each question is a system call or
 * two.
 *
 * Nothing is cached, because fd numbers are reused. Counterpart: what io_uring reads from struct file.
 */
import {
  BTRFS_SUPER_MAGIC,
  EXT4_SUPER_MAGIC,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_SETFL,
  OVERLAYFS_SUPER_MAGIC,
  TMPFS_MAGIC,
  XFS_SUPER_MAGIC,
} from '../abi/calls.js'
import {
  AT_EMPTY_PATH,
  AT_STATX_DONT_SYNC,
  O_DIRECT,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  STATX_INO,
  STATX_SIZE,
  STATX_TYPE,
} from '../abi/posix.js'
import { EINVAL } from '../lib/errno.js'
import { kcmpFile, libc } from './libc.js'
import { addressOf } from './memory.js'

const EMPTY_PATH = new Uint8Array(8)
const statxbuf = new Int32Array(64)
const bytes = new DataView(statxbuf.buffer)
const MODE = 28
const INO = 32
const SIZE = 40

export interface FileKind {
  readonly regular: boolean
  readonly block: boolean
  readonly isDirectory: boolean
  /** The low word of the inode number. */
  readonly ino: number
  readonly sizeBytes: number
}

/** The file's kind, or -errno: -EBADF for an fd that is not open. */
export function fileKind(fd: number): FileKind | number {
  const res = libc('statx')(
    fd,
    addressOf(EMPTY_PATH),
    AT_EMPTY_PATH,
    STATX_TYPE | STATX_INO | STATX_SIZE,
    addressOf(statxbuf),
  )
  if (res < 0) return res
  const type = bytes.getUint16(MODE, true) & S_IFMT
  const sizeBytes = bytes.getUint32(SIZE, true) + bytes.getUint32(SIZE + 4, true) * 2 ** 32
  return {
    regular: type === S_IFREG,
    block: type === S_IFBLK,
    isDirectory: type === S_IFDIR,
    ino: bytes.getInt32(INO, true),
    sizeBytes,
  }
}

/** Files with a position, streams in each direction, and the rest. */
export const SEEKABLE = 0
export const STREAM = 1
export const NEITHER = 2

/** Which file an fd refers to, according to statx(2): two opens of one inode are equal. */
export interface FileId {
  readonly kind: number
  readonly devMajor: number
  readonly devMinor: number
  readonly inoLow: number
  readonly inoHigh: number
}

const DEV_MAJOR = 136
const DEV_MINOR = 140

/** Which file it is, or -errno. */
export function fileId(fd: number): FileId | number {
  const flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC
  const res = libc('statx')(fd, addressOf(EMPTY_PATH), flags, STATX_TYPE | STATX_INO, addressOf(statxbuf))
  if (res < 0) return res
  const type = bytes.getUint16(MODE, true) & S_IFMT
  const isStream = type === S_IFIFO || type === S_IFSOCK || type === S_IFCHR
  return {
    kind: type === S_IFREG || type === S_IFBLK ? SEEKABLE : isStream ? STREAM : NEITHER,
    devMajor: statxbuf[DEV_MAJOR >> 2]!,
    devMinor: statxbuf[DEV_MINOR >> 2]!,
    inoLow: statxbuf[INO >> 2]!,
    inoHigh: statxbuf[(INO >> 2) + 1]!,
  }
}

export function isSameId(a: FileId, b: FileId): boolean {
  return a.inoLow === b.inoLow && a.inoHigh === b.inoHigh && a.devMajor === b.devMajor && a.devMinor === b.devMinor
}

/** Moves a file's position; returns it, or -errno: -ESPIPE for a file without one. */
export function lseek(fd: number, offset: number, whence: number): number {
  return libc('lseek')(fd, offset, whence)
}

/** Whether reading the file copies from the page cache: a regular file or a block device, not open with O_DIRECT. */
export function isCachedFile(fd: number): boolean {
  // No server is asked: a file's type does not change.
  const flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC
  if (libc('statx')(fd, addressOf(EMPTY_PATH), flags, STATX_TYPE, addressOf(statxbuf)) < 0) return false
  const type = bytes.getUint16(MODE, true) & S_IFMT
  if (type !== S_IFREG && type !== S_IFBLK) return false
  return (statusFlags(fd) & O_DIRECT) === 0
}

/** Local file systems: their attributes come without a wait. */
const LOCAL = new Set([EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC])

/** Whether the attributes of an open file are in this machine's memory. */
export function hasLocalAttributes(fd: number): boolean {
  return libc('fstatfs')(fd, addressOf(statxbuf)) === 0 && LOCAL.has(statxbuf[0]! >>> 0)
}

export function isOpenFd(fd: number): boolean {
  return libc('fcntl')(fd, F_GETFD, 0) >= 0
}

/** Another fd for the same open file, closed on exec. Returns it or -errno. */
export function duplicateFd(fd: number): number {
  return libc('fcntl')(fd, F_DUPFD_CLOEXEC, 0)
}

/** Short-lived duplicates are numbered from here: a number that the app has just closed must not come back as one. */
const SHORT_LIVED_FROM = 512

/** Duplicates an fd for the life of a request. The first call makes the kernel enlarge the fd table, in some 15 ms. */
export function holdFd(fd: number): number {
  const res = libc('fcntl')(fd, F_DUPFD_CLOEXEC, SHORT_LIVED_FROM)
  // The process's limit may be below that number.
  return res === -EINVAL ? duplicateFd(fd) : res
}

/** The file status flags, or -errno. */
export function statusFlags(fd: number): number {
  return libc('fcntl')(fd, F_GETFL, 0)
}

/** Sets the file status flags. */
export function setStatusFlags(fd: number, flags: number): number {
  return libc('fcntl')(fd, F_SETFL, flags)
}

/** Whether two fds are one open file; undefined if the kernel does not tell (kcmp(2) missing or refused). */
export function isSameFile(a: number, b: number): boolean | undefined {
  const res = kcmpFile(a, b)
  return res < 0 ? undefined : res === 0
}
