/**
 * Arguments of socket operations: addresses, messages, and their numbers. Any thread; no state.
 *
 * Addresses and ports are in network order: the most significant byte first. This file must never hold a number of our
 * own. Counterpart: include/uapi/linux: in.h, in6.h, un.h, tcp.h; io_uring.h for RECVMSG_OUT; the C library's
 * sys/socket.h for what the kernel does not export (msghdr, MSG_*, AF_*).
 */
import { lazyStruct } from '../lib/layout.js'

// biome-ignore format: table
export const SOCKADDR_IN = lazyStruct('sockaddr_in', [
  //field        type     written by meaning               offset
  ['sin_family', 'u16',   'app',     'AF_INET',            0],
  ['sin_port',   'u16',   'app',     'port, network order', 2],
  ['sin_addr',   'u8[4]', 'app',     'the four bytes of the address', 4],
  ['pad',        'u8[8]', 'app',     'ignored',            8],
])

// biome-ignore format: table
export const SOCKADDR_IN6 = lazyStruct('sockaddr_in6', [
  //field             type      written by meaning                       offset
  ['sin6_family',     'u16',    'app',     'AF_INET6',                   0],
  ['sin6_port',       'u16',    'app',     'port, network order',        2],
  ['sin6_flowinfo',   'u32',    'app',     'flow label, network order',  4],
  ['sin6_addr',       'u8[16]', 'app',     'the bytes of the address',   8],
  ['sin6_scope_id',   'u32',    'app',     'interface of a link-local address', 24],
])

/** The kernel accepts at most 110 bytes: an address ends with its path's NUL, or with its name. */
// biome-ignore format: table
export const SOCKADDR_UN = lazyStruct('sockaddr_un', [
  //field        type       written by meaning                                          offset
  ['sun_family', 'u16',     'app',     'AF_UNIX',                                       0],
  ['sun_path',   'u8[108]', 'app',     'a path and NUL; or NUL and an abstract name; or none', 2],
])

// biome-ignore format: table
export const MSGHDR = lazyStruct('msghdr', [
  //field            type   written by meaning                                          offset
  ['msg_name',       'u64', 'app',     'address of a socket address, or 0',             0],
  ['msg_namelen',    'u32', 'app',     'its bytes; RECVMSG writes how many it has',     8],
  ['msg_iov',        'u64', 'app',     'address of iovecs',                             16],
  ['msg_iovlen',     'u64', 'app',     'how many',                                      24],
  ['msg_control',    'u64', 'app',     'address of control data: CMSGHDRs',             32],
  ['msg_controllen', 'u64', 'app',     'its bytes; RECVMSG writes how many there are',  40],
  ['msg_flags',      'u32', 'kernel',  'RECVMSG: MSG_TRUNC, MSG_CTRUNC and the like',   48],
])

// biome-ignore format: table
export const CMSGHDR = lazyStruct('cmsghdr', [
  //field        type   written by meaning                                 offset
  ['cmsg_len',   'u64', 'app',     'bytes of this header and its data',    0],
  ['cmsg_level', 's32', 'app',     'SOL_SOCKET and the like',              8],
  ['cmsg_type',  's32', 'app',     'SCM_RIGHTS: the data are fds, s32 each', 12],
])

// biome-ignore format: table
export const RECVMSG_OUT = lazyStruct('io_uring_recvmsg_out', [
  //field         type   written by meaning                                          offset
  ['namelen',     'u32', 'kernel',  'bytes of the name; more than its room: cut off', 0],
  ['controllen',  'u32', 'kernel',  'bytes of control data',                         4],
  ['payloadlen',  'u32', 'kernel',  'bytes of the message; more than are here: cut off', 8],
  ['flags',       'u32', 'kernel',  'MSG_*, as msg_flags',                           12],
])

export const AF_UNIX = 1
export const AF_INET = 2
export const AF_INET6 = 10
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_SEQPACKET = 5
export const SOCK_NONBLOCK = 0x800
export const SOCK_CLOEXEC = 0x8_0000
export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17
export const IPPROTO_IPV6 = 41
export const SHUT_RD = 0
export const SHUT_WR = 1
export const SHUT_RDWR = 2
export const MSG_OOB = 0x1
export const MSG_PEEK = 0x2
export const MSG_CTRUNC = 0x8
export const MSG_TRUNC = 0x20
export const MSG_DONTWAIT = 0x40
export const MSG_WAITALL = 0x100
export const MSG_ERRQUEUE = 0x2000
export const MSG_NOSIGNAL = 0x4000
export const MSG_MORE = 0x8000
export const MSG_CMSG_CLOEXEC = 0x4000_0000
export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_TYPE = 3
export const SO_ERROR = 4
export const SO_SNDBUF = 7
export const SO_RCVBUF = 8
export const SO_KEEPALIVE = 9
export const SO_REUSEPORT = 15
export const SO_ACCEPTCONN = 30
export const SO_PROTOCOL = 38
export const SO_DOMAIN = 39
export const SCM_RIGHTS = 1
export const TCP_NODELAY = 1
export const IPV6_V6ONLY = 26
