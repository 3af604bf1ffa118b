/**
 * Names in folders: removing, renaming, making. Runs on the app's thread; sqe.ts has the rules for every function.
 *
 * Counterpart: io_uring_prep_unlinkat, _renameat, _mkdirat, _symlinkat and _linkat of liburing.
 */
import * as abi from '../../abi/constants.js'
import { OP_FLAGS, prepRw } from './sqe.js'

/**
 * unlinkat(2): removes the name, or the empty folder with AT_REMOVEDIR. prep_unlink is this with AT_FDCWD.
 *
 * Result: 0; -ENOENT, -EISDIR, -ENOTDIR, -ENOTEMPTY, -EACCES, -EPERM, -EFAULT. Since Linux 5.11.
 */
export function prepUnlinkat(words: Int32Array, at: number, dirfd: number, path: number, flags: number): void {
  prepRw(words, at, abi.IORING_OP_UNLINKAT, dirfd, path, 0, 0)
  words[at + OP_FLAGS] = flags
}

/**
 * renameat2(2): both paths are addresses of strings; `flags` are RENAME_*. prep_rename is this with AT_FDCWD and 0.
 *
 * Result: 0; -ENOENT, -EEXIST with RENAME_NOREPLACE, -EXDEV, -ENOTEMPTY, -EINVAL, -EFAULT. Since Linux 5.11.
 */
export function prepRenameat(
  words: Int32Array,
  at: number,
  oldDirfd: number,
  oldPath: number,
  newDirfd: number,
  newPath: number,
  flags = 0,
): void {
  prepRw(words, at, abi.IORING_OP_RENAMEAT, oldDirfd, oldPath, newDirfd, newPath)
  words[at + OP_FLAGS] = flags
}

/** mkdirat(2). Result: 0; -EEXIST, -ENOENT, -ENOTDIR, -EACCES, -EFAULT. Since Linux 5.15. */
export function prepMkdirat(words: Int32Array, at: number, dirfd: number, path: number, mode: number): void {
  prepRw(words, at, abi.IORING_OP_MKDIRAT, dirfd, path, mode, 0)
}

/** symlinkat(2): `linkPath` will say `target`. Result: 0; -EEXIST, -ENOENT, -EFAULT. Since Linux 5.15. */
export function prepSymlinkat(words: Int32Array, at: number, target: number, newDirfd: number, linkPath: number): void {
  prepRw(words, at, abi.IORING_OP_SYMLINKAT, newDirfd, target, 0, linkPath)
}

/**
 * linkat(2): a second name. `flags`: AT_SYMLINK_FOLLOW, AT_EMPTY_PATH. prep_link is this with AT_FDCWD.
 *
 * Result: 0; -EEXIST, -ENOENT, -EXDEV, -EPERM for a folder, -EFAULT. Since Linux 5.15.
 */
export function prepLinkat(
  words: Int32Array,
  at: number,
  oldDirfd: number,
  oldPath: number,
  newDirfd: number,
  newPath: number,
  flags: number,
): void {
  prepRw(words, at, abi.IORING_OP_LINKAT, oldDirfd, oldPath, newDirfd, newPath)
  words[at + OP_FLAGS] = flags
}
