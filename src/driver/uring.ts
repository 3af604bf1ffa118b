/**
 * Uring: the public face of a ring, one method an operation, each a promise. Runs on the thread that opened it.
 *
 * A method names its operation (ops/) and hands its arguments to the driver; whatever is wrong with them rejects before
 * anything is queued. Counterpart: liburing's prep functions, with the waiting done by Node's event loop.
 */
import { OPCODE_NAMES } from '../abi/constants.js'
import { codeError } from '../lib/arg-errors.js'
import { emitWarning } from '../lib/globals.js'
import type { Ring } from '../ring/ring.js'
import type { Path } from './args.js'
import { Driver } from './driver.js'
import { setAffinity, setMaxWorkers } from './iowq.js'
import { openRing } from './open.js'
import type { RingOptions } from './open-options.js'
import { Close, Openat, type OpenatOptions, StatxCall, type StatxOptions } from './ops/fs.js'
import { Nop } from './ops/misc.js'
import {
  Linkat,
  Mkdirat,
  Openat2,
  type OpenHow,
  Renameat,
  Symlinkat,
  type TwoNamesOptions,
  Unlinkat,
  type UnlinkatOptions,
} from './ops/names.js'
import { Read, Readv, type TransferOptions, Write, Writev } from './ops/rw.js'
import { Fadvise, Fallocate, Ftruncate, SyncFileRange } from './ops/space.js'
import { Fsync, type FsyncOptions } from './ops/sync.js'
import { Getxattr, Setxattr, type SetxattrOptions } from './ops/xattr.js'
import type { OpOptions } from './options.js'
import type { Statx } from './statx.js'

export interface OpenOptions extends RingOptions {
  /**
   * An open ring of this thread and backend to share with: with `sqpoll` its thread, which looks after both rings, so it
   * must have been opened with `sqpoll` too. Workers the rings of a thread share anyway (IORING_SETUP_ATTACH_WQ).
   */
  attachWq?: Uring | undefined
}

/** Counts since the ring was opened. */
export interface UringStats {
  /** Calls of io_uring_enter. */
  enters: number
  /** SQEs consumed, cancel requests included. */
  sqes: number
  /** CQEs reaped, those of cancel requests included. */
  cqes: number
  /** Times that a sleeping event loop was woken. */
  wakes: number
  /** Operations submitted and not completed. */
  inFlight: number
  /** Operations waiting for room in the ring, or for their turn at a file's own position. */
  queued: number
  /** Operations submitted, by name: `{ READ: 3 }`. */
  ops: Record<string, number>
}

/** Rings that were dropped without close(): what was issued comes to its end, then they are closed. */
const dropped = new FinalizationRegistry<Driver>((driver) => {
  if (driver.isClosed) return
  const { syscalls, fd } = driver.ring
  const words = `Closing a ring of ${syscalls.name} (fd ${fd}) on garbage collection: call close() or destroy()`
  emitWarning(words, { code: 'URING_RING_DROPPED' })
  driver.close()
})

/** The driver of a ring: for the floors above, which issue operations of their own. Not public. */
export let driverOf: (ring: Uring) => Driver

/**
 * An io_uring ring whose operations are promises.
 *
 * Operations issued in one turn of the event loop are submitted by one system call, and run in any order, but for reads and
 * writes at a file's own position, which keep theirs (see TransferOptions), and for chains (see OpOptions). Keep a file open
 * until what was issued for it has ended: close(fd) and fsync(fd) of this ring come behind what reads and writes at the
 * file's own position; what still waits for an fd that is another file's by then ends with EBADF.
 *
 * A ring with nothing in flight does not keep the process alive. Use a ring on the thread that opened it; each Worker opens
 * its own.
 *
 * A buffer given to an operation belongs to it until its promise settles: neither read nor write it meanwhile. It is held
 * until then, whether or not you hold it, and its memory stays with it: on the main thread an ArrayBuffer given to a
 * ring is marked as one that cannot be transferred, which cannot be undone (worker.markAsUntransferable). With the
 * option `lend`, and always in a Worker, which may be terminated at any moment, operations get copies, and nothing is
 * marked. Buffers that are detached or resizable, and shared ones that may grow, are refused with
 * ERR_INVALID_ARG_VALUE.
 *
 * Every operation rejects with ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE or ERR_OUT_OF_RANGE for bad arguments, with
 * ERR_INVALID_STATE once the ring is closed, both before anything is queued; with an AbortError if its signal has
 * fired, or fires in time; and with `code`, `errno` and `syscall`, as node:fs does, if the operation itself fails.
 */
export class Uring {
  /** Who carries the operations out: the kernel's io_uring, or worker threads that do as it does. */
  readonly backend: 'kernel' | 'threads'
  /** Why this backend, in words. */
  readonly reason: string
  readonly #driver: Driver

  static {
    driverOf = (ring) => ring.#driver
  }

  private constructor(driver: Driver, reason: string) {
    // Whoever calls it from outside knows no driver.
    if ((driver as Driver | undefined) === undefined)
      throw codeError(TypeError, 'ERR_ILLEGAL_CONSTRUCTOR', 'Use await Uring.open() to open a ring')
    this.#driver = driver
    this.backend = driver.ring.syscalls.name
    this.reason = reason
    dropped.register(this, driver)
  }

  /**
   * Opens a ring. With `backend: 'auto'` it is the kernel's where io_uring_setup(2) works and the threads' elsewhere;
   * URING_BACKEND=kernel or =threads in the environment decides instead. Rejects with ENOSYS, EPERM, ENOMEM or another
   * code of io_uring_setup, and a message that says what to do, where the kernel was asked for and refuses; with
   * ERR_URING_NO_FFI where no foreign calls can be made; with ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE or
   * ERR_OUT_OF_RANGE for bad options, ERR_INVALID_STATE for an `attachWq` that is closed.
   */
  static async open(options: OpenOptions = {}): Promise<Uring> {
    const { ring, reason, ...settings } = await openRing(options, Uring.#ringOf)
    try {
      return new Uring(new Driver(ring, settings), reason)
    } catch (error) {
      ring.queueExit()
      throw error
    }
  }

  static #ringOf(value: unknown): Ring | undefined {
    return typeof value === 'object' && value !== null && #driver in value ? value.#driver.ring : undefined
  }

  /** Does nothing, through the whole ring (io_uring_prep_nop). Resolves to 0. */
  nop(given?: OpOptions): Promise<number> {
    return this.#driver.run(Nop, given)
  }

  /**
   * openat(2): opens a file (io_uring_prep_openat). `flags` are Node's ('r', 'w+', ...) or O_* bits; O_CLOEXEC is added.
   * Resolves to a file descriptor, which the caller closes; in a Worker by this ring or node:fs, and what is left open there
   * is closed when the Worker ends, however it does.
   */
  openat(path: Path, flags: string | number = 'r', mode = 0o666, given?: OpenatOptions): Promise<number> {
    return this.#driver.run(Openat, given, path, flags, mode)
  }

  /**
   * close(2): closes a file descriptor (io_uring_prep_close). Resolves to 0. In a Worker node:fs does it in this one's turn,
   * so that it forgets what it opened there; of a file opened elsewhere it warns ("not opened in unmanaged mode").
   */
  close(fd: number, options?: OpOptions): Promise<number>
  /**
   * Closes the ring: refuses new operations, lets those issued come to their end, then gives everything back. Resolves
   * when that is done; calling it again changes nothing (io_uring_queue_exit).
   */
  close(): Promise<void>
  close(...given: [fd?: number, options?: OpOptions]): Promise<unknown> {
    const driver = this.#driver
    if (given.length === 0) return driver.close()
    const [fd, options] = given as [fd: number, options?: OpOptions]
    return driver.run(Close, options, fd)
  }

  /**
   * read(2), pread(2): reads into `buffer` (io_uring_prep_read). Resolves to the bytes read, fewer than asked for at
   * the end of the file, 0 beyond it.
   */
  read(fd: number, buffer: ArrayBufferView, given?: TransferOptions): Promise<number> {
    return this.#driver.run(Read, given, fd, buffer)
  }

  /** write(2), pwrite(2): writes from `buffer` (io_uring_prep_write). Resolves to the bytes written. */
  write(fd: number, buffer: ArrayBufferView, given?: TransferOptions): Promise<number> {
    return this.#driver.run(Write, given, fd, buffer)
  }

  /**
   * readv(2), preadv(2): reads into one buffer after another (io_uring_prep_readv). `position` in bytes; null means the
   * file's own. Resolves to the bytes read. Of more than 1,024 buffers, the most that the system takes, the bytes are copied:
   * it is one operation still.
   */
  readv(fd: number, buffers: readonly ArrayBufferView[], position?: number | null, given?: OpOptions): Promise<number> {
    return this.#driver.run(Readv, given, fd, buffers, position)
  }

  /**
   * writev(2), pwritev(2): writes one buffer after another (io_uring_prep_writev). Resolves to the bytes written. More than
   * 1,024 buffers are as with readv.
   */
  writev(
    fd: number,
    buffers: readonly ArrayBufferView[],
    position?: number | null,
    given?: OpOptions,
  ): Promise<number> {
    return this.#driver.run(Writev, given, fd, buffers, position)
  }

  /** fsync(2): has a file's data and metadata reach the disk (io_uring_prep_fsync). Resolves to 0. */
  fsync(fd: number, given?: FsyncOptions): Promise<number> {
    return this.#driver.run(Fsync, given, fd)
  }

  /** statx(2): what is known of a file, by path or by descriptor (io_uring_prep_statx). Resolves to a Statx. */
  statx(target: Path | number, given?: StatxOptions): Promise<Statx> {
    return this.#driver.run(StatxCall, given, target)
  }

  /**
   * openat2(2): opens a file, and says how its path may lead (io_uring_prep_openat2). With RESOLVE_BENEATH in `how.resolve` no
   * path leads out of the directory `dirfd`: EXDEV. Resolves to a file descriptor, as openat's. Since Linux 5.6.
   *
   * @example
   * const fd = await ring.openat2(name, { resolve: RESOLVE_BENEATH }, { dirfd: uploads })
   */
  openat2(path: Path, how: OpenHow, given?: OpenatOptions): Promise<number> {
    return this.#driver.run(Openat2, given, path, how)
  }

  /**
   * unlinkat(2): removes a name, and with `flags: AT_REMOVEDIR` an empty directory (io_uring_prep_unlinkat). Resolves to 0.
   * Rejects with ENOENT, EISDIR, ENOTEMPTY, EACCES and the like. Since Linux 5.11.
   */
  unlinkat(path: Path, given?: UnlinkatOptions): Promise<number> {
    return this.#driver.run(Unlinkat, given, path)
  }

  /**
   * renameat2(2): gives a file another name (io_uring_prep_renameat). `flags`: RENAME_NOREPLACE (1), RENAME_EXCHANGE (2).
   * Resolves to 0. Rejects with ENOENT, EXDEV, EEXIST with RENAME_NOREPLACE. Since Linux 5.11.
   */
  renameat(oldPath: Path, newPath: Path, given?: TwoNamesOptions): Promise<number> {
    return this.#driver.run(Renameat, given, oldPath, newPath)
  }

  /** mkdirat(2): makes a directory (io_uring_prep_mkdirat). Resolves to 0. Rejects with EEXIST, ENOENT. Since Linux 5.15. */
  mkdirat(path: Path, mode = 0o777, given?: OpenatOptions): Promise<number> {
    return this.#driver.run(Mkdirat, given, path, mode)
  }

  /**
   * symlinkat(2): makes the symbolic link `path`, which says `target` (io_uring_prep_symlinkat). Resolves to 0. Rejects with
   * EEXIST, ENOENT. Since Linux 5.15.
   */
  symlinkat(target: string | Buffer, path: Path, given?: OpenatOptions): Promise<number> {
    return this.#driver.run(Symlinkat, given, target, path)
  }

  /**
   * linkat(2): gives a file a second name (io_uring_prep_linkat). `flags`: AT_SYMLINK_FOLLOW for what a link leads to.
   * Resolves to 0. Rejects with EEXIST, EXDEV, EPERM for a directory. Since Linux 5.15.
   */
  linkat(oldPath: Path, newPath: Path, given?: TwoNamesOptions): Promise<number> {
    return this.#driver.run(Linkat, given, oldPath, newPath)
  }

  /**
   * fallocate(2): makes room in a file, or with FALLOC_FL_* bits in `mode` holes (io_uring_prep_fallocate). `offset` and
   * `length` in bytes. Resolves to 0. Rejects with ENOSPC, EINVAL for a length of 0, EOPNOTSUPP. Since Linux 5.6.
   */
  fallocate(fd: number, mode: number, offset: number, length: number, given?: OpOptions): Promise<number> {
    return this.#driver.run(Fallocate, given, fd, mode, offset, length)
  }

  /**
   * ftruncate(2): has a file end at `length` bytes (io_uring_prep_ftruncate). It comes behind what was issued before it at the
   * file's own position. Resolves to 0. Rejects with EINVAL for an fd that may not write. Since Linux 6.9.
   */
  ftruncate(fd: number, length = 0, given?: OpOptions): Promise<number> {
    return this.#driver.run(Ftruncate, given, fd, length)
  }

  /**
   * posix_fadvise(2): says how a range will be used, POSIX_FADV_* (io_uring_prep_fadvise64). A `length` of 0 means to the end.
   * Resolves to 0. Rejects with ESPIPE for a pipe, EINVAL for unknown advice. Since Linux 5.6.
   */
  fadvise(fd: number, offset: number, length: number, advice: number, given?: OpOptions): Promise<number> {
    return this.#driver.run(Fadvise, given, fd, offset, length, advice)
  }

  /**
   * sync_file_range(2): has a range's dirty pages written, SYNC_FILE_RANGE_* (io_uring_prep_sync_file_range). It promises
   * nothing after a crash: see fsync. Resolves to 0. Since Linux 5.2.
   */
  syncFileRange(fd: number, offset: number, length: number, flags: number, given?: OpOptions): Promise<number> {
    return this.#driver.run(SyncFileRange, given, fd, offset, length, flags)
  }

  /**
   * getxattr(2), fgetxattr(2): the value of an extended attribute (io_uring_prep_getxattr, io_uring_prep_fgetxattr). Resolves
   * to its bytes. Rejects with ENODATA if the file has none of this name, EOPNOTSUPP. Since Linux 5.19.
   */
  getxattr(target: Path | number, name: string, given?: OpOptions): Promise<Buffer> {
    return this.#driver.run(Getxattr, given, target, name)
  }

  /**
   * setxattr(2), fsetxattr(2): sets an extended attribute (io_uring_prep_setxattr, io_uring_prep_fsetxattr). Resolves to 0.
   * Rejects with EEXIST or ENODATA as `flags` ask, ENOSPC, EOPNOTSUPP. Since Linux 5.19.
   */
  setxattr(
    target: Path | number,
    name: string,
    value: string | ArrayBufferView,
    given?: SetxattrOptions,
  ): Promise<number> {
    return this.#driver.run(Setxattr, given, target, name, value)
  }

  /** Closes the ring as close() does, but cancels first: operations that it interrupts reject with an AbortError. */
  destroy(): Promise<void> {
    return this.#driver.destroy()
  }

  /** For `await using`: close(). */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#driver.close()
  }

  /**
   * Limits the workers that do what cannot be done inline: `bounded` do what ends in bounded time, such as reads of
   * files; `unbounded` the rest, such as what is done with pipes and sockets. 0 leaves a limit as it is. Returns the
   * limits before. They hold for all rings of this thread, as long as it lives; workers above a limit finish what they do.
   * Throws ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE for what is no integer from 0 to 2^31 - 1, ERR_INVALID_STATE once the
   * ring is closed, EINVAL before Linux 5.15 (IORING_REGISTER_IOWQ_MAX_WORKERS).
   */
  maxWorkers(bounded: number, unbounded: number): [bounded: number, unbounded: number] {
    return setMaxWorkers(this.#driver.ring, bounded, unbounded)
  }

  /**
   * Keeps the workers made from now on, by all rings of this thread, on these processors; null lets them run wherever the
   * thread may. It ends with the thread's last ring. Throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE or
   * ERR_OUT_OF_RANGE for what is no list of numbers, ERR_INVALID_STATE once the ring is closed, EINVAL for a processor that
   * the thread may not use, and before Linux 5.14 (IORING_REGISTER_IOWQ_AFF, IORING_UNREGISTER_IOWQ_AFF).
   */
  affinity(cpus: readonly number[] | null): void {
    setAffinity(this.#driver.ring, cpus)
  }

  /** What the ring has done so far. */
  stats(): UringStats {
    const driver = this.#driver
    const ops: Record<string, number> = {}
    driver.nrByOpcode.forEach((nr, opcode) => {
      if (nr > 0) ops[OPCODE_NAMES[opcode] ?? `${opcode}`] = nr
    })
    return { ...driver.stats, inFlight: driver.nrInflight, queued: driver.nrQueued, ops }
  }
}
