/**
 * Numbers of the io_uring interface, spelled as in C. Any thread; no state.
 *
 * Values are unsigned, as C prints them. JavaScript's bit operators give signed results, so a flag in bit 31 is tested
 * with `!== 0`, never with `> 0`. This file must never hold a number of our own. Counterpart:
 * include/uapi/linux/io_uring.h; other headers' numbers are in the files beside this one.
 */

// Operations: sqe.opcode.
export const IORING_OP_NOP = 0
export const IORING_OP_READV = 1
export const IORING_OP_WRITEV = 2
export const IORING_OP_FSYNC = 3
export const IORING_OP_READ_FIXED = 4
export const IORING_OP_WRITE_FIXED = 5
export const IORING_OP_POLL_ADD = 6
export const IORING_OP_POLL_REMOVE = 7
export const IORING_OP_SYNC_FILE_RANGE = 8
export const IORING_OP_SENDMSG = 9
export const IORING_OP_RECVMSG = 10
export const IORING_OP_TIMEOUT = 11
export const IORING_OP_TIMEOUT_REMOVE = 12
export const IORING_OP_ACCEPT = 13
export const IORING_OP_ASYNC_CANCEL = 14
export const IORING_OP_LINK_TIMEOUT = 15
export const IORING_OP_CONNECT = 16
export const IORING_OP_FALLOCATE = 17
export const IORING_OP_OPENAT = 18
export const IORING_OP_CLOSE = 19
export const IORING_OP_FILES_UPDATE = 20
export const IORING_OP_STATX = 21
export const IORING_OP_READ = 22
export const IORING_OP_WRITE = 23
export const IORING_OP_FADVISE = 24
export const IORING_OP_MADVISE = 25
export const IORING_OP_SEND = 26
export const IORING_OP_RECV = 27
export const IORING_OP_OPENAT2 = 28
export const IORING_OP_EPOLL_CTL = 29
export const IORING_OP_SPLICE = 30
export const IORING_OP_PROVIDE_BUFFERS = 31
export const IORING_OP_REMOVE_BUFFERS = 32
export const IORING_OP_TEE = 33
export const IORING_OP_SHUTDOWN = 34
export const IORING_OP_RENAMEAT = 35
export const IORING_OP_UNLINKAT = 36
export const IORING_OP_MKDIRAT = 37
export const IORING_OP_SYMLINKAT = 38
export const IORING_OP_LINKAT = 39
export const IORING_OP_MSG_RING = 40
export const IORING_OP_FSETXATTR = 41
export const IORING_OP_SETXATTR = 42
export const IORING_OP_FGETXATTR = 43
export const IORING_OP_GETXATTR = 44
export const IORING_OP_SOCKET = 45
export const IORING_OP_URING_CMD = 46
export const IORING_OP_SEND_ZC = 47
export const IORING_OP_SENDMSG_ZC = 48
export const IORING_OP_READ_MULTISHOT = 49
export const IORING_OP_WAITID = 50
export const IORING_OP_FUTEX_WAIT = 51
export const IORING_OP_FUTEX_WAKE = 52
export const IORING_OP_FUTEX_WAITV = 53
export const IORING_OP_FIXED_FD_INSTALL = 54
export const IORING_OP_FTRUNCATE = 55
export const IORING_OP_BIND = 56
export const IORING_OP_LISTEN = 57
export const IORING_OP_RECV_ZC = 58
export const IORING_OP_EPOLL_WAIT = 59
export const IORING_OP_READV_FIXED = 60
export const IORING_OP_WRITEV_FIXED = 61
export const IORING_OP_PIPE = 62
export const IORING_OP_NOP128 = 63
export const IORING_OP_URING_CMD128 = 64

// The first opcode that Linux 6.18 refuses. Later kernels support more; names for them go above.
export const IORING_OP_LAST = 63

/** Opcode to name, without IORING_OP_. */
// biome-ignore format: table
export const OPCODE_NAMES: readonly string[] = Object.freeze([
  'NOP', 'READV', 'WRITEV', 'FSYNC', 'READ_FIXED', 'WRITE_FIXED', 'POLL_ADD', 'POLL_REMOVE',
  'SYNC_FILE_RANGE', 'SENDMSG', 'RECVMSG', 'TIMEOUT', 'TIMEOUT_REMOVE', 'ACCEPT', 'ASYNC_CANCEL', 'LINK_TIMEOUT',
  'CONNECT', 'FALLOCATE', 'OPENAT', 'CLOSE', 'FILES_UPDATE', 'STATX', 'READ', 'WRITE',
  'FADVISE', 'MADVISE', 'SEND', 'RECV', 'OPENAT2', 'EPOLL_CTL', 'SPLICE', 'PROVIDE_BUFFERS',
  'REMOVE_BUFFERS', 'TEE', 'SHUTDOWN', 'RENAMEAT', 'UNLINKAT', 'MKDIRAT', 'SYMLINKAT', 'LINKAT',
  'MSG_RING', 'FSETXATTR', 'SETXATTR', 'FGETXATTR', 'GETXATTR', 'SOCKET', 'URING_CMD', 'SEND_ZC',
  'SENDMSG_ZC', 'READ_MULTISHOT', 'WAITID', 'FUTEX_WAIT', 'FUTEX_WAKE', 'FUTEX_WAITV', 'FIXED_FD_INSTALL', 'FTRUNCATE',
  'BIND', 'LISTEN', 'RECV_ZC', 'EPOLL_WAIT', 'READV_FIXED', 'WRITEV_FIXED', 'PIPE', 'NOP128',
  'URING_CMD128',
])

// How a request is handled: sqe.flags.
export const IOSQE_FIXED_FILE = 0x01
export const IOSQE_IO_DRAIN = 0x02
export const IOSQE_IO_LINK = 0x04
export const IOSQE_IO_HARDLINK = 0x08
export const IOSQE_ASYNC = 0x10
export const IOSQE_BUFFER_SELECT = 0x20
export const IOSQE_CQE_SKIP_SUCCESS = 0x40

// The kind of ring asked for: params.flags.
export const IORING_SETUP_IOPOLL = 0x1
export const IORING_SETUP_SQPOLL = 0x2
export const IORING_SETUP_SQ_AFF = 0x4
export const IORING_SETUP_CQSIZE = 0x8
export const IORING_SETUP_CLAMP = 0x10
export const IORING_SETUP_ATTACH_WQ = 0x20
export const IORING_SETUP_R_DISABLED = 0x40
export const IORING_SETUP_SUBMIT_ALL = 0x80
export const IORING_SETUP_COOP_TASKRUN = 0x100
export const IORING_SETUP_TASKRUN_FLAG = 0x200
export const IORING_SETUP_SQE128 = 0x400
export const IORING_SETUP_CQE32 = 0x800
export const IORING_SETUP_SINGLE_ISSUER = 0x1000
export const IORING_SETUP_DEFER_TASKRUN = 0x2000
export const IORING_SETUP_NO_MMAP = 0x4000
export const IORING_SETUP_REGISTERED_FD_ONLY = 0x8000
export const IORING_SETUP_NO_SQARRAY = 0x1_0000
export const IORING_SETUP_HYBRID_IOPOLL = 0x2_0000
export const IORING_SETUP_CQE_MIXED = 0x4_0000
export const IORING_SETUP_SQE_MIXED = 0x8_0000
export const IORING_SETUP_SQ_REWIND = 0x10_0000

// Features of this io_uring: params.features.
export const IORING_FEAT_SINGLE_MMAP = 0x1
export const IORING_FEAT_NODROP = 0x2
export const IORING_FEAT_SUBMIT_STABLE = 0x4
export const IORING_FEAT_RW_CUR_POS = 0x8
export const IORING_FEAT_CUR_PERSONALITY = 0x10
export const IORING_FEAT_FAST_POLL = 0x20
export const IORING_FEAT_POLL_32BITS = 0x40
export const IORING_FEAT_SQPOLL_NONFIXED = 0x80
export const IORING_FEAT_EXT_ARG = 0x100
export const IORING_FEAT_NATIVE_WORKERS = 0x200
export const IORING_FEAT_RSRC_TAGS = 0x400
export const IORING_FEAT_CQE_SKIP = 0x800
export const IORING_FEAT_LINKED_FILE = 0x1000
export const IORING_FEAT_REG_REG_RING = 0x2000
export const IORING_FEAT_RECVSEND_BUNDLE = 0x4000
export const IORING_FEAT_MIN_TIMEOUT = 0x8000
export const IORING_FEAT_RW_ATTR = 0x1_0000
export const IORING_FEAT_NO_IOWAIT = 0x2_0000

// Flags of io_uring_enter, and of its IORING_ENTER_EXT_ARG_REG argument.
export const IORING_ENTER_GETEVENTS = 0x01
export const IORING_ENTER_SQ_WAKEUP = 0x02
export const IORING_ENTER_SQ_WAIT = 0x04
export const IORING_ENTER_EXT_ARG = 0x08
export const IORING_ENTER_REGISTERED_RING = 0x10
export const IORING_ENTER_ABS_TIMER = 0x20
export const IORING_ENTER_EXT_ARG_REG = 0x40
export const IORING_ENTER_NO_IOWAIT = 0x80
export const IORING_REG_WAIT_TS = 0x1

// Words of the rings: from the owner to the app in sq_flags, from the app to the owner in cq_flags.
export const IORING_SQ_NEED_WAKEUP = 0x1
export const IORING_SQ_CQ_OVERFLOW = 0x2
export const IORING_SQ_TASKRUN = 0x4
export const IORING_CQ_EVENTFD_DISABLED = 0x1

// Offsets for mmap.
export const IORING_OFF_SQ_RING = 0
export const IORING_OFF_CQ_RING = 0x800_0000
export const IORING_OFF_SQES = 0x1000_0000
export const IORING_OFF_PBUF_RING = 0x8000_0000
export const IORING_OFF_PBUF_SHIFT = 16
export const IORING_OFF_MMAP_MASK = 0xf800_0000

// Flags of a completion: cqe.flags.
export const IORING_CQE_F_BUFFER = 0x1
export const IORING_CQE_F_MORE = 0x2
export const IORING_CQE_F_SOCK_NONEMPTY = 0x4
export const IORING_CQE_F_NOTIF = 0x8
export const IORING_CQE_F_BUF_MORE = 0x10
export const IORING_CQE_F_SKIP = 0x20
export const IORING_CQE_F_32 = 0x8000
export const IORING_CQE_F_TSTAMP_HW = 0x1_0000
export const IORING_CQE_BUFFER_SHIFT = 16

// Opcodes of io_uring_register; the last is a flag: the ring fd is a registered index.
export const IORING_REGISTER_BUFFERS = 0
export const IORING_UNREGISTER_BUFFERS = 1
export const IORING_REGISTER_FILES = 2
export const IORING_UNREGISTER_FILES = 3
export const IORING_REGISTER_EVENTFD = 4
export const IORING_UNREGISTER_EVENTFD = 5
export const IORING_REGISTER_FILES_UPDATE = 6
export const IORING_REGISTER_EVENTFD_ASYNC = 7
export const IORING_REGISTER_PROBE = 8
export const IORING_REGISTER_PERSONALITY = 9
export const IORING_UNREGISTER_PERSONALITY = 10
export const IORING_REGISTER_RESTRICTIONS = 11
export const IORING_REGISTER_ENABLE_RINGS = 12
export const IORING_REGISTER_FILES2 = 13
export const IORING_REGISTER_FILES_UPDATE2 = 14
export const IORING_REGISTER_BUFFERS2 = 15
export const IORING_REGISTER_BUFFERS_UPDATE = 16
export const IORING_REGISTER_IOWQ_AFF = 17
export const IORING_UNREGISTER_IOWQ_AFF = 18
export const IORING_REGISTER_IOWQ_MAX_WORKERS = 19
export const IORING_REGISTER_RING_FDS = 20
export const IORING_UNREGISTER_RING_FDS = 21
export const IORING_REGISTER_PBUF_RING = 22
export const IORING_UNREGISTER_PBUF_RING = 23
export const IORING_REGISTER_SYNC_CANCEL = 24
export const IORING_REGISTER_FILE_ALLOC_RANGE = 25
export const IORING_REGISTER_PBUF_STATUS = 26
export const IORING_REGISTER_NAPI = 27
export const IORING_UNREGISTER_NAPI = 28
export const IORING_REGISTER_CLOCK = 29
export const IORING_REGISTER_CLONE_BUFFERS = 30
export const IORING_REGISTER_SEND_MSG_RING = 31
export const IORING_REGISTER_ZCRX_IFQ = 32
export const IORING_REGISTER_RESIZE_RINGS = 33
export const IORING_REGISTER_MEM_REGION = 34
export const IORING_REGISTER_QUERY = 35
export const IORING_REGISTER_ZCRX_CTRL = 36
export const IORING_REGISTER_BPF_FILTER = 37
export const IORING_REGISTER_USE_REGISTERED_RING = 0x8000_0000

// The first register opcode that Linux 6.18 refuses.
export const IORING_REGISTER_LAST = 36

/** Opcode of io_uring_register to name, without IORING_. */
// biome-ignore format: table
export const REGISTER_NAMES: readonly string[] = Object.freeze([
  'REGISTER_BUFFERS', 'UNREGISTER_BUFFERS', 'REGISTER_FILES', 'UNREGISTER_FILES', 'REGISTER_EVENTFD',
  'UNREGISTER_EVENTFD', 'REGISTER_FILES_UPDATE', 'REGISTER_EVENTFD_ASYNC', 'REGISTER_PROBE',
  'REGISTER_PERSONALITY', 'UNREGISTER_PERSONALITY', 'REGISTER_RESTRICTIONS', 'REGISTER_ENABLE_RINGS',
  'REGISTER_FILES2', 'REGISTER_FILES_UPDATE2', 'REGISTER_BUFFERS2', 'REGISTER_BUFFERS_UPDATE',
  'REGISTER_IOWQ_AFF', 'UNREGISTER_IOWQ_AFF', 'REGISTER_IOWQ_MAX_WORKERS', 'REGISTER_RING_FDS',
  'UNREGISTER_RING_FDS', 'REGISTER_PBUF_RING', 'UNREGISTER_PBUF_RING', 'REGISTER_SYNC_CANCEL',
  'REGISTER_FILE_ALLOC_RANGE', 'REGISTER_PBUF_STATUS', 'REGISTER_NAPI', 'UNREGISTER_NAPI', 'REGISTER_CLOCK',
  'REGISTER_CLONE_BUFFERS', 'REGISTER_SEND_MSG_RING', 'REGISTER_ZCRX_IFQ', 'REGISTER_RESIZE_RINGS',
  'REGISTER_MEM_REGION', 'REGISTER_QUERY', 'REGISTER_ZCRX_CTRL', 'REGISTER_BPF_FILTER',
])

// Flags in the structures of register calls.
export const IO_URING_OP_SUPPORTED = 0x1
export const IORING_FILE_INDEX_ALLOC = 0xffff_ffff
export const IORING_REGISTER_FILES_SKIP = -2
export const IORING_RSRC_REGISTER_SPARSE = 0x1
export const IORING_REGISTER_SRC_REGISTERED = 0x1
export const IORING_REGISTER_DST_REPLACE = 0x2
export const IORING_RESTRICTION_REGISTER_OP = 0
export const IORING_RESTRICTION_SQE_OP = 1
export const IORING_RESTRICTION_SQE_FLAGS_ALLOWED = 2
export const IORING_RESTRICTION_SQE_FLAGS_REQUIRED = 3
export const IORING_RESTRICTION_LAST = 4
export const IORING_MEM_REGION_TYPE_USER = 0x1
export const IORING_MEM_REGION_REG_WAIT_ARG = 0x1
export const IOU_PBUF_RING_MMAP = 0x1
export const IOU_PBUF_RING_INC = 0x2
export const IO_URING_NAPI_REGISTER_OP = 0
export const IO_URING_NAPI_STATIC_ADD_ID = 1
export const IO_URING_NAPI_STATIC_DEL_ID = 2
export const IO_URING_NAPI_TRACKING_DYNAMIC = 0
export const IO_URING_NAPI_TRACKING_STATIC = 1
export const IO_URING_NAPI_TRACKING_INACTIVE = 255
export const IO_URING_QUERY_OPCODES = 0
export const IO_WQ_BOUND = 0
export const IO_WQ_UNBOUND = 1

// Flags of single operations: NOP and URING_CMD.
export const IORING_NOP_INJECT_RESULT = 0x01
export const IORING_NOP_FILE = 0x02
export const IORING_NOP_FIXED_FILE = 0x04
export const IORING_NOP_FIXED_BUFFER = 0x08
export const IORING_NOP_TW = 0x10
export const IORING_NOP_CQE32 = 0x20
export const IORING_URING_CMD_FIXED = 0x1
export const IORING_URING_CMD_MULTISHOT = 0x2

// Timeouts.
export const IORING_TIMEOUT_ABS = 0x01
export const IORING_TIMEOUT_UPDATE = 0x02
export const IORING_TIMEOUT_BOOTTIME = 0x04
export const IORING_TIMEOUT_REALTIME = 0x08
export const IORING_LINK_TIMEOUT_UPDATE = 0x10
export const IORING_TIMEOUT_ETIME_SUCCESS = 0x20
export const IORING_TIMEOUT_MULTISHOT = 0x40
export const IORING_TIMEOUT_IMMEDIATE_ARG = 0x80
export const IORING_TIMEOUT_CLOCK_MASK = 0x0c
export const IORING_TIMEOUT_UPDATE_MASK = 0x12

// Cancellation: what to match, and how many.
export const IORING_ASYNC_CANCEL_ALL = 0x01
export const IORING_ASYNC_CANCEL_FD = 0x02
export const IORING_ASYNC_CANCEL_ANY = 0x04
export const IORING_ASYNC_CANCEL_FD_FIXED = 0x08
export const IORING_ASYNC_CANCEL_USERDATA = 0x10
export const IORING_ASYNC_CANCEL_OP = 0x20

// Polling: flags in sqe.len; the mask is in sqe.poll32_events.
export const IORING_POLL_ADD_MULTI = 0x1
export const IORING_POLL_UPDATE_EVENTS = 0x2
export const IORING_POLL_UPDATE_USER_DATA = 0x4
export const IORING_POLL_ADD_LEVEL = 0x8

// MSG_RING: commands in sqe.addr, then flags. FIXED_FD_INSTALL.
export const IORING_MSG_DATA = 0
export const IORING_MSG_SEND_FD = 1
export const IORING_MSG_RING_CQE_SKIP = 0x1
export const IORING_MSG_RING_FLAGS_PASS = 0x2
export const IORING_FIXED_FD_NO_CLOEXEC = 0x1

// Sockets: flags in sqe.ioprio, the result of a NOTIF completion, and socket commands of URING_CMD.
export const IORING_RECVSEND_POLL_FIRST = 0x01
export const IORING_RECV_MULTISHOT = 0x02
export const IORING_RECVSEND_FIXED_BUF = 0x04
export const IORING_SEND_ZC_REPORT_USAGE = 0x08
export const IORING_RECVSEND_BUNDLE = 0x10
export const IORING_SEND_VECTORIZED = 0x20
export const IORING_ACCEPT_MULTISHOT = 0x1
export const IORING_ACCEPT_DONTWAIT = 0x2
export const IORING_ACCEPT_POLL_FIRST = 0x4
export const IORING_NOTIF_USAGE_ZC_COPIED = 0x8000_0000
export const SOCKET_URING_OP_SIOCINQ = 0
export const SOCKET_URING_OP_SIOCOUTQ = 1
export const SOCKET_URING_OP_GETSOCKOPT = 2
export const SOCKET_URING_OP_SETSOCKOPT = 3
export const SOCKET_URING_OP_TX_TIMESTAMP = 4
export const SOCKET_URING_OP_GETSOCKNAME = 5

// Reads and writes, then fsync and splice.
export const IORING_RW_ATTR_FLAG_PI = 0x1
export const IORING_FSYNC_DATASYNC = 0x1
export const SPLICE_F_FD_IN_FIXED = 0x8000_0000

// What operations take besides: of files, paths and waiting.
export * from './posix.js'
