/**
 * Numbers of the system calls that this package makes itself, and no operation of io_uring takes. Any thread; no state.
 *
 * Spelled as in C, and held to the C headers like the rest of this folder. Must never hold a number of our own.
 * Counterpart: fcntl.h, unistd.h, sys/mman.h, sys/eventfd.h, signal.h; include/uapi/linux/limits.h, include/uapi/linux/uio.h.
 */

// fcntl.
export const F_GETFD = 1
export const F_SETFD = 2
export const F_GETFL = 3
export const F_SETFL = 4
export const F_DUPFD_CLOEXEC = 1030
export const F_SETPIPE_SZ = 1031
export const F_GETPIPE_SZ = 1032

// lseek.
export const SEEK_SET = 0
export const SEEK_CUR = 1
export const SEEK_END = 2

// mmap.
export const PROT_NONE = 0x0
export const PROT_READ = 0x1
export const PROT_WRITE = 0x2
export const MAP_SHARED = 0x01
export const MAP_PRIVATE = 0x02
export const MAP_FIXED = 0x10
export const MAP_ANONYMOUS = 0x20
export const MAP_NORESERVE = 0x4000
export const MAP_POPULATE = 0x8000

// eventfd.
export const EFD_NONBLOCK = 0x800
export const EFD_CLOEXEC = 0x8_0000

// Signals.
export const SIGURG = 23

// File systems, as statfs names them.
export const EXT4_SUPER_MAGIC = 0xef53
export const XFS_SUPER_MAGIC = 0x5846_5342
export const BTRFS_SUPER_MAGIC = 0x9123_683e
export const TMPFS_MAGIC = 0x0102_1994
export const OVERLAYFS_SUPER_MAGIC = 0x794c_7630

// What a call takes at most.
export const PATH_MAX = 4096
export const XATTR_NAME_MAX = 255
export const XATTR_SIZE_MAX = 65_536
export const UIO_MAXIOV = 1024
