/**
 * Socket addresses to bytes and back; the parts of a multishot recvmsg's buffer. Runs on the app's thread.
 *
 * The bytes are a copy: keep them alive as long as the operation that uses them requires. Counterpart: inet_pton(3),
 * inet_ntop(3), and the io_uring_recvmsg_* functions of liburing.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { AF_INET, AF_INET6, AF_UNIX, RECVMSG_OUT, SOCKADDR_IN, SOCKADDR_IN6, SOCKADDR_UN } from '../abi/socket.js'
import { withProps } from '../lib/error-props.js'
import { Buffer, URL } from '../lib/globals.js'
import { dataViewOf } from '../lib/views.js'
import { ownView } from '../sys/memory.js'

/** The longest path that fits, without its NUL. */
const MAX_PATH_BYTES = 107

/** A name of a socket: of the internet, or of the file system. An abstract name begins with a NUL. */
export type SocketName =
  | { readonly family: typeof AF_INET | typeof AF_INET6; readonly address: string; readonly port: number }
  | { readonly family: typeof AF_UNIX; readonly path: string }

/** A sockaddr_in or sockaddr_in6. Throws a TypeError (ERR_INVALID_ARG_VALUE) for a bad address or port. */
export function sockaddrOf(address: string, port: number): Uint8Array {
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw invalid(`'${port}' is no port`)
  if (isIPv4(address)) {
    const bytes = new Uint8Array(SOCKADDR_IN.size)
    const view = new DataView(bytes.buffer)
    view.setUint16(SOCKADDR_IN.at.sin_family, AF_INET, true)
    view.setUint16(SOCKADDR_IN.at.sin_port, port)
    bytes.set(address.split('.').map(Number), SOCKADDR_IN.at.sin_addr)
    return bytes
  }
  if (!isIPv6(address) || address.includes('%')) throw invalid(`'${address}' is no numeric address`)
  const bytes = new Uint8Array(SOCKADDR_IN6.size)
  const view = new DataView(bytes.buffer)
  view.setUint16(SOCKADDR_IN6.at.sin6_family, AF_INET6, true)
  view.setUint16(SOCKADDR_IN6.at.sin6_port, port)
  ipv6Groups(address).forEach((group, i) => {
    view.setUint16(SOCKADDR_IN6.at.sin6_addr + 2 * i, group)
  })
  return bytes
}

/** A sockaddr_un, as long as the path needs. Throws a TypeError (ERR_INVALID_ARG_VALUE) for one that is too long. */
export function sockaddrOfPath(path: string): Uint8Array {
  const name = Buffer.from(path)
  if (name.length > MAX_PATH_BYTES) throw invalid(`a socket's path has at most ${MAX_PATH_BYTES} bytes`)
  const isAbstract = path.startsWith('\0')
  const bytes = new Uint8Array(SOCKADDR_UN.at.sun_path + name.length + (isAbstract ? 0 : 1))
  new DataView(bytes.buffer).setUint16(SOCKADDR_UN.at.sun_family, AF_UNIX, true)
  bytes.set(name, SOCKADDR_UN.at.sun_path)
  return bytes
}

/** The name in a socket address, whose bytes are `given`; undefined for an unknown family, and for an empty address. */
export function readSockaddr(given: Uint8Array): SocketName | undefined {
  const bytes = ownView(given)
  if (bytes.length < 2) return undefined
  const view = dataViewOf(bytes)
  const family = view.getUint16(0, true)
  if (family === AF_INET && bytes.length >= SOCKADDR_IN.size) {
    const { sin_addr, sin_port } = SOCKADDR_IN.at
    return { family, address: bytes.subarray(sin_addr, sin_addr + 4).join('.'), port: view.getUint16(sin_port) }
  }
  if (family === AF_INET6 && bytes.length >= SOCKADDR_IN6.size) {
    const { sin6_addr, sin6_port } = SOCKADDR_IN6.at
    const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(sin6_addr + 2 * i).toString(16))
    // URL writes the shortest form, as inet_ntop does.
    const { hostname } = new URL(`http://[${groups.join(':')}]`)
    return { family, address: hostname.slice(1, -1), port: view.getUint16(sin6_port) }
  }
  if (family !== AF_UNIX) return undefined
  const path = Buffer.from(bytes.subarray(SOCKADDR_UN.at.sun_path)).toString()
  const end = path.indexOf('\0', 1)
  return { family, path: end < 0 ? path : path.slice(0, end) }
}

/** One message of prepRecvmsgMultishot. */
export interface RecvmsgOut {
  /** Views of the buffer: the sender's address, the control data, the message; each as far as it fitted. */
  readonly name: Uint8Array
  readonly control: Uint8Array
  readonly payload: Uint8Array
  /** MSG_TRUNC if the message was longer, MSG_CTRUNC if the control data was. */
  readonly flags: number
}

/**
 * Splits a buffer of prepRecvmsgMultishot. `given` has as many bytes as the completion's res; the room for name and
 * control data is that of the MSGHDR. Undefined if the bytes are too few.
 */
export function recvmsgOut(given: Uint8Array, nameRoom: number, controlRoom: number): RecvmsgOut | undefined {
  const bytes = ownView(given)
  const head = RECVMSG_OUT.size + nameRoom + controlRoom
  if (bytes.length < head) return undefined
  const view = dataViewOf(bytes)
  const field = (name: keyof typeof RECVMSG_OUT.at) => view.getUint32(RECVMSG_OUT.at[name], true)
  const part = (at: number, length: number) => bytes.subarray(at, at + length)
  return {
    name: part(RECVMSG_OUT.size, Math.min(nameRoom, field('namelen'))),
    control: part(RECVMSG_OUT.size + nameRoom, Math.min(controlRoom, field('controllen'))),
    payload: bytes.subarray(head),
    flags: field('flags'),
  }
}

function ipv6Groups(address: string): number[] {
  // An IPv4 address at the end is two groups.
  const [tail] = /\d+(\.\d+){3}$/.exec(address) ?? []
  const [a = 0, b = 0, c = 0, d = 0] = tail?.split('.').map(Number) ?? []
  const text = tail === undefined ? address : address.replace(tail, `${hex(a * 256 + b)}:${hex(c * 256 + d)}`)
  const [before = '', after] = text.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)))
  if (after === undefined) return groups(before)
  const [head, rest] = [groups(before), groups(after)]
  return [...head, ...new Array<number>(8 - head.length - rest.length).fill(0), ...rest]
}

function hex(n: number): string {
  return n.toString(16)
}

function invalid(message: string): TypeError {
  return withProps(new TypeError(message), { code: 'ERR_INVALID_ARG_VALUE' })
}
