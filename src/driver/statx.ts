/**
 * The result of statx(2) as an object of numbers. Runs on the thread that made the ring.
 *
 * Fields have the names of struct statx, with the timestamps laid flat. Numbers are exact to 2^53; the few values that
 * may be larger are also bigints, made on request. Counterpart: struct statx in include/uapi/linux/stat.h.
 */
import { STATX } from '../abi/structs.js'

const AT = STATX.at
/** Bytes that statx(2) writes. */
export const STATX_BYTES = STATX.size
const TWO_32 = 2 ** 32

function u32(words: Int32Array, offset: number): number {
  return words[offset >> 2]! >>> 0
}

function u64(words: Int32Array, offset: number): number {
  return (words[(offset >> 2) + 1]! >>> 0) * TWO_32 + (words[offset >> 2]! >>> 0)
}

function s64(words: Int32Array, offset: number): number {
  return words[(offset >> 2) + 1]! * TWO_32 + (words[offset >> 2]! >>> 0)
}

function nanoseconds(seconds: number, nsec: number): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(nsec)
}

export class Statx {
  /** STATX_* bits: which of the fields below the file system filled in. */
  readonly stx_mask: number
  readonly stx_blksize: number
  readonly stx_attributes: number
  readonly stx_nlink: number
  readonly stx_uid: number
  readonly stx_gid: number
  readonly stx_mode: number
  readonly stx_ino: number
  /** Bytes. */
  readonly stx_size: number
  /** Blocks of 512 bytes. */
  readonly stx_blocks: number
  readonly stx_attributes_mask: number
  readonly stx_atime_tv_sec: number
  readonly stx_atime_tv_nsec: number
  readonly stx_btime_tv_sec: number
  readonly stx_btime_tv_nsec: number
  readonly stx_ctime_tv_sec: number
  readonly stx_ctime_tv_nsec: number
  readonly stx_mtime_tv_sec: number
  readonly stx_mtime_tv_nsec: number
  readonly stx_rdev_major: number
  readonly stx_rdev_minor: number
  readonly stx_dev_major: number
  readonly stx_dev_minor: number
  readonly stx_mnt_id: number
  readonly stx_dio_mem_align: number
  readonly stx_dio_offset_align: number
  readonly #inoLow: number
  readonly #inoHigh: number

  /** Reads `words`, the memory of a struct statx, and keeps nothing of it. */
  constructor(words: Int32Array) {
    this.stx_mask = u32(words, AT.stx_mask)
    this.stx_blksize = u32(words, AT.stx_blksize)
    this.stx_attributes = u64(words, AT.stx_attributes)
    this.stx_nlink = u32(words, AT.stx_nlink)
    this.stx_uid = u32(words, AT.stx_uid)
    this.stx_gid = u32(words, AT.stx_gid)
    this.stx_mode = u32(words, AT.stx_mode) & 0xffff
    this.stx_ino = u64(words, AT.stx_ino)
    this.stx_size = u64(words, AT.stx_size)
    this.stx_blocks = u64(words, AT.stx_blocks)
    this.stx_attributes_mask = u64(words, AT.stx_attributes_mask)
    this.stx_atime_tv_sec = s64(words, AT.stx_atime_tv_sec)
    this.stx_atime_tv_nsec = u32(words, AT.stx_atime_tv_nsec)
    this.stx_btime_tv_sec = s64(words, AT.stx_btime_tv_sec)
    this.stx_btime_tv_nsec = u32(words, AT.stx_btime_tv_nsec)
    this.stx_ctime_tv_sec = s64(words, AT.stx_ctime_tv_sec)
    this.stx_ctime_tv_nsec = u32(words, AT.stx_ctime_tv_nsec)
    this.stx_mtime_tv_sec = s64(words, AT.stx_mtime_tv_sec)
    this.stx_mtime_tv_nsec = u32(words, AT.stx_mtime_tv_nsec)
    this.stx_rdev_major = u32(words, AT.stx_rdev_major)
    this.stx_rdev_minor = u32(words, AT.stx_rdev_minor)
    this.stx_dev_major = u32(words, AT.stx_dev_major)
    this.stx_dev_minor = u32(words, AT.stx_dev_minor)
    this.stx_mnt_id = u64(words, AT.stx_mnt_id)
    this.stx_dio_mem_align = u32(words, AT.stx_dio_mem_align)
    this.stx_dio_offset_align = u32(words, AT.stx_dio_offset_align)
    this.#inoLow = u32(words, AT.stx_ino)
    this.#inoHigh = u32(words, AT.stx_ino + 4)
  }

  /** The inode number in all its 64 bits. */
  get ino(): bigint {
    return (BigInt(this.#inoHigh) << 32n) | BigInt(this.#inoLow)
  }

  /** Last access, in nanoseconds since 1970. */
  get atimeNs(): bigint {
    return nanoseconds(this.stx_atime_tv_sec, this.stx_atime_tv_nsec)
  }

  /** Creation. 0 where the file system does not record it: see STATX_BTIME in stx_mask. */
  get birthtimeNs(): bigint {
    return nanoseconds(this.stx_btime_tv_sec, this.stx_btime_tv_nsec)
  }

  /** Last change of the inode. */
  get ctimeNs(): bigint {
    return nanoseconds(this.stx_ctime_tv_sec, this.stx_ctime_tv_nsec)
  }

  /** Last change of the contents. */
  get mtimeNs(): bigint {
    return nanoseconds(this.stx_mtime_tv_sec, this.stx_mtime_tv_nsec)
  }
}
