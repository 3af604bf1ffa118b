/**
 * statx(2) where the answer is in this machine's memory, so that nobody waits. Any thread.
 *
 * Nothing is looked up on disk and no server is asked: the path's components are all cached (openat2 with RESOLVE_CACHED),
 * and the file system is a local one. Counterpart: the inline attempts of io_uring/openclose.c; its STATX makes none.
 */
import {
  AT_EMPTY_PATH,
  AT_STATX_DONT_SYNC,
  AT_STATX_SYNC_AS_STAT,
  AT_STATX_SYNC_TYPE,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_NOFOLLOW,
  O_PATH,
  RESOLVE_CACHED,
} from '../abi/posix.js'
import { OPEN_HOW } from '../abi/structs.js'
import { hasLocalAttributes } from './file.js'
import { libc, openat2 } from './libc.js'
import { addressOf } from './memory.js'

const EMPTY_PATH = new Uint8Array(8)
const how = new Int32Array(OPEN_HOW.size >> 2)

/** Of a path, by its address. The result of statx(2); undefined if it is not at hand, or fails: the plain call tells why. */
export function statPathAtHand(
  dirfd: number,
  path: number,
  flags: number,
  mask: number,
  statxbuf: number,
): number | undefined {
  how[OPEN_HOW.at.flags >> 2] = O_PATH | O_CLOEXEC | ((flags & AT_SYMLINK_NOFOLLOW) === 0 ? 0 : O_NOFOLLOW)
  how[OPEN_HOW.at.resolve >> 2] = RESOLVE_CACHED
  const fd = openat2(dirfd, path, addressOf(how), OPEN_HOW.size)
  if (fd < 0) return undefined
  const res = statFileAtHand(fd, flags, mask, statxbuf)
  libc('close')(fd)
  return res
}

/** Of an open file. */
export function statFileAtHand(fd: number, flags: number, mask: number, statxbuf: number): number | undefined {
  const sync = flags & AT_STATX_SYNC_TYPE
  const isAtHand = sync === AT_STATX_DONT_SYNC || (sync === AT_STATX_SYNC_AS_STAT && hasLocalAttributes(fd))
  if (!isAtHand) return undefined
  return libc('statx')(fd, addressOf(EMPTY_PATH), flags | AT_EMPTY_PATH, mask, statxbuf)
}
