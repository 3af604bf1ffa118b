/**
 * Sockets for tests, made by rings: listeners, connected pairs, addresses and message headers that live on. Main thread
 * of a test file.
 */
import * as abi from '../../src/abi/socket.js'
import * as prep from '../../src/ring/prep.js'
import type { Ring } from '../../src/ring/ring.js'
import { readSockaddr, sockaddrOf } from '../../src/ring/sockaddr.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import { expectRun, ok, run } from './cqes.js'
import { type Fill, sqe } from './fills.js'
import type { Stand } from './stand.js'

const GETSOCKNAME = process.arch === 'arm64' ? 204 : 51
const SOCKETPAIR = process.arch === 'arm64' ? 199 : 53

/** What only IP brings along: the port that bind chose. */
export interface Listener {
  readonly fd: number
  readonly port: number
  /** Connects a socket to it. */
  readonly connect: (fd: number) => Fill
}

export const connectTo =
  (stand: Stand, address: Uint8Array) =>
  (fd: number): Fill => {
    const kept = stand.alloc(address)
    return sqe(prep.prepConnect, fd, addressOf(kept), kept.byteLength)
  }

export function socket(stand: Stand, ring: Ring, type = abi.SOCK_STREAM, domain = abi.AF_INET): number {
  return stand.own(ok(run(ring, sqe(prep.prepSocket, domain, type, 0)), 'socket'))
}

/** Binds a socket to an address; port 0 has one chosen. */
export function bindTo(stand: Stand, fd: number, address: Uint8Array): Fill {
  const kept = stand.alloc(address)
  return sqe(prep.prepBind, fd, addressOf(kept), kept.byteLength)
}

/** A listening socket on 127.0.0.1. */
export function listener(stand: Stand, ring: Ring, backlog = 16): Listener {
  const fd = socket(stand, ring)
  expectRun(ring, bindTo(stand, fd, sockaddrOf('127.0.0.1', 0)), 0, 'bind')
  expectRun(ring, sqe(prep.prepListen, fd, backlog), 0, 'listen')
  const port = portOf(stand, fd)
  return { fd, port, connect: connectTo(stand, sockaddrOf('127.0.0.1', port)) }
}

export function portOf(stand: Stand, fd: number): number {
  const bytes = stand.alloc(28)
  const length = new Int32Array(stand.alloc(4).buffer)
  length[0] = bytes.byteLength
  ok(libc('syscall')(GETSOCKNAME, fd, addressOf(bytes), addressOf(length), 0, 0, 0), 'getsockname')
  const name = readSockaddr(bytes.subarray(0, length[0]))
  if (name === undefined || !('port' in name)) throw new Error('the socket has no port')
  return name.port
}

/** Two sockets, connected to each other. */
export function socketPair(stand: Stand, type = abi.SOCK_STREAM): readonly [number, number] {
  const fds = new Int32Array(2)
  ok(libc('syscall')(SOCKETPAIR, abi.AF_UNIX, type, 0, addressOf(fds), 0, 0), 'socketpair')
  return [stand.own(fds[0]!), stand.own(fds[1]!)]
}

/** Two ends of a TCP connection: who connected, and who accepted. */
export function tcpPair(stand: Stand, ring: Ring): readonly [number, number] {
  const { fd, connect } = listener(stand, ring)
  const client = socket(stand, ring)
  expectRun(ring, connect(client), 0, 'connect')
  const server = stand.own(ok(run(ring, sqe(prep.prepAccept, fd, 0, 0, 0)), 'accept'))
  return [client, server]
}

/** A msghdr over these parts, and memory for a name and control data. */
export function msghdr(
  stand: Stand,
  parts: readonly Uint8Array[],
  { name, control }: { name?: Uint8Array; control?: Uint8Array } = {},
): { address: number; view: DataView; iovecs: BigUint64Array } {
  const view = new DataView(stand.alloc(abi.MSGHDR.size).buffer)
  const { at } = abi.MSGHDR
  const iovecs = stand.iovecs(parts)
  const u64 = (offset: number, value: number) => view.setBigUint64(offset, BigInt(value), true)
  u64(at.msg_name, name === undefined ? 0 : addressOf(name))
  view.setUint32(at.msg_namelen, name?.byteLength ?? 0, true)
  u64(at.msg_iov, addressOf(iovecs))
  u64(at.msg_iovlen, parts.length)
  u64(at.msg_control, control === undefined ? 0 : addressOf(control))
  u64(at.msg_controllen, control?.byteLength ?? 0)
  return { address: addressOf(view), view, iovecs }
}
