/**
 * Numbers of files, paths and waiting, which operations and system calls take alike; spelled as in C. Any thread; no
 * state.
 *
 * Each stands here once: in src and test nobody types one again, and test/abi holds them to the C headers, of
 * x64 and of arm64. Must never hold a number of our own. Counterpart: include/uapi/linux: stat.h, fs.h, fcntl.h, openat2.h, poll.h, limits.h; fcntl.h.
 */
import { process } from '../lib/globals.js'

const isArm = process.arch === 'arm64'

// Reads and writes: flags of preadv2. Then what follows them.
export const RWF_HIPRI = 0x001
export const RWF_DSYNC = 0x002
export const RWF_SYNC = 0x004
export const RWF_NOWAIT = 0x008
export const RWF_APPEND = 0x010
export const RWF_NOAPPEND = 0x020
export const RWF_ATOMIC = 0x040
export const RWF_DONTCACHE = 0x080
export const RWF_NOSIGNAL = 0x100
export const SYNC_FILE_RANGE_WAIT_BEFORE = 0x1
export const SYNC_FILE_RANGE_WRITE = 0x2
export const SYNC_FILE_RANGE_WAIT_AFTER = 0x4

// splice and tee.
export const SPLICE_F_MOVE = 0x1
export const SPLICE_F_NONBLOCK = 0x2
export const SPLICE_F_MORE = 0x4
export const SPLICE_F_GIFT = 0x8

// Waiting for a file: events of poll.
export const POLLIN = 0x0001
export const POLLPRI = 0x0002
export const POLLOUT = 0x0004
export const POLLERR = 0x0008
export const POLLHUP = 0x0010
export const POLLNVAL = 0x0020
export const POLLRDHUP = 0x2000

// Paths: how openat, statx, unlinkat, linkat and renameat2 take theirs.
export const AT_FDCWD = -100
export const AT_SYMLINK_NOFOLLOW = 0x100
export const AT_REMOVEDIR = 0x200
export const AT_SYMLINK_FOLLOW = 0x400
export const AT_NO_AUTOMOUNT = 0x800
export const AT_EMPTY_PATH = 0x1000
export const AT_STATX_SYNC_TYPE = 0x6000
export const AT_STATX_SYNC_AS_STAT = 0x0000
export const AT_STATX_FORCE_SYNC = 0x2000
export const AT_STATX_DONT_SYNC = 0x4000
export const RENAME_NOREPLACE = 0x1
export const RENAME_EXCHANGE = 0x2
export const RENAME_WHITEOUT = 0x4

// Which facts statx is asked for, and gave.
export const STATX_TYPE = 0x1
export const STATX_MODE = 0x2
export const STATX_NLINK = 0x4
export const STATX_UID = 0x8
export const STATX_GID = 0x10
export const STATX_ATIME = 0x20
export const STATX_MTIME = 0x40
export const STATX_CTIME = 0x80
export const STATX_INO = 0x100
export const STATX_SIZE = 0x200
export const STATX_BLOCKS = 0x400
export const STATX_BASIC_STATS = 0x7ff
export const STATX_BTIME = 0x800
export const STATX_MNT_ID = 0x1000
export const STATX_DIOALIGN = 0x2000
export const STATX_MNT_ID_UNIQUE = 0x4000
export const STATX_SUBVOL = 0x8000
export const STATX_WRITE_ATOMIC = 0x1_0000
export const STATX_DIO_READ_ALIGN = 0x2_0000

// What kind of file it is, of its mode.
export const S_IFMT = 0o170000
export const S_IFSOCK = 0o140000
export const S_IFLNK = 0o120000
export const S_IFREG = 0o100000
export const S_IFBLK = 0o060000
export const S_IFDIR = 0o040000
export const S_IFCHR = 0o020000
export const S_IFIFO = 0o010000

// Opening: O_*, of which a few differ between machines; then how openat2 walks the path.
export const O_ACCMODE = 0x3
export const O_RDONLY = 0x0
export const O_WRONLY = 0x1
export const O_RDWR = 0x2
export const O_CREAT = 0x40
export const O_EXCL = 0x80
export const O_NOCTTY = 0x100
export const O_TRUNC = 0x200
export const O_APPEND = 0x400
export const O_NONBLOCK = 0x800
export const O_DSYNC = 0x1000
export const O_DIRECT = isArm ? 0x1_0000 : 0x4000
export const O_DIRECTORY = isArm ? 0x4000 : 0x1_0000
export const O_NOFOLLOW = isArm ? 0x8000 : 0x2_0000
export const O_NOATIME = 0x4_0000
export const O_CLOEXEC = 0x8_0000
export const O_SYNC = 0x10_0000 | O_DSYNC
export const O_PATH = 0x20_0000
export const O_TMPFILE = 0x40_0000 | O_DIRECTORY
export const RESOLVE_NO_XDEV = 0x01
export const RESOLVE_NO_MAGICLINKS = 0x02
export const RESOLVE_NO_SYMLINKS = 0x04
export const RESOLVE_BENEATH = 0x08
export const RESOLVE_IN_ROOT = 0x10
export const RESOLVE_CACHED = 0x20
