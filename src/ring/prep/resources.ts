/**
 * Registered files and provided buffers, changed by requests. Runs on the app's thread; sqe.ts says what holds for
 * every function.
 *
 * Counterpart: io_uring_prep_files_update, _fixed_fd_install, _provide_buffers and _remove_buffers of liburing.
 */
import * as abi from '../../abi/constants.js'
import { OP_FLAGS, prepRw, setBufGroup, setFlags } from './sqe.js'

/**
 * Puts `nrFds` fds, an array of s32 at `fds`, into the registered files from slot `offset` on.
 *
 * -1 empties a slot, IORING_REGISTER_FILES_SKIP leaves it. With `offset` IORING_FILE_INDEX_ALLOC free slots are chosen and
 * written at `fds` (5.19). The array is read when the request runs: keep it until the completion.
 * Result: the slots done; -EBADF, -EINVAL, -ENXIO, -EFAULT, -ENFILE if not even one was. Since Linux 5.6.
 */
export function prepFilesUpdate(words: Int32Array, at: number, fds: number, nrFds: number, offset: number): void {
  prepRw(words, at, abi.IORING_OP_FILES_UPDATE, -1, fds, nrFds, offset)
}

/**
 * Gives the registered file in slot `fd` an fd of the process, closed on exec unless IORING_FIXED_FD_NO_CLOEXEC.
 *
 * Result: the fd; -EBADF for an empty slot; -EMFILE; -EINVAL. Since Linux 6.8.
 */
export function prepFixedFdInstall(words: Int32Array, at: number, fd: number, flags = 0): void {
  prepRw(words, at, abi.IORING_OP_FIXED_FD_INSTALL, fd, 0, 0, 0)
  setFlags(words, at, abi.IOSQE_FIXED_FILE)
  words[at + OP_FLAGS] = flags
}

/**
 * Gives group `bgid` `nr` buffers of `len` bytes each, one after another from `addr` on, with ids from `bid` on.
 *
 * The older way: a buffer is used once, and given again by another request. See BufRing for the newer.
 * Result: 0; -E2BIG for none or ids beyond 65535; -EINVAL where the group is a buffer ring; -EFAULT. Since Linux 5.7.
 */
export function prepProvideBuffers(
  words: Int32Array,
  at: number,
  addr: number,
  len: number,
  nr: number,
  bgid: number,
  bid: number,
): void {
  prepRw(words, at, abi.IORING_OP_PROVIDE_BUFFERS, nr, addr, len, bid)
  setBufGroup(words, at, bgid)
}

/**
 * Takes up to `nr` unused buffers out of group `bgid`.
 *
 * Result: how many; -ENOENT without the group; -EINVAL where it is a buffer ring. Since Linux 5.7.
 */
export function prepRemoveBuffers(words: Int32Array, at: number, nr: number, bgid: number): void {
  prepRw(words, at, abi.IORING_OP_REMOVE_BUFFERS, nr, 0, 0, 0)
  setBufGroup(words, at, bgid)
}
