/**
 * An fd that wakes Node's event loop. Made on the thread that is to be woken; signalled from any thread, or by the
 * kernel.
 *
 * An eventfd is opened as a Pipe handle, the class behind net.Socket, so Node itself polls, reads and closes it: 2 us a
 * wake-up, and nothing is left open when a Worker is terminated. The other way that was measured, uv_poll through FFI,
 * saves a microsecond and aborts the process when a Worker is terminated with the handle open.
 */
import { Socket } from 'node:net'
import { assert } from '../lib/assert.js'
import { errnoError } from '../lib/errno.js'
import { libc } from './libc.js'
import { addressOf } from './memory.js'

const EFD_CLOEXEC_NONBLOCK = 0o2004000
const O_CLOEXEC_NONBLOCK = 0o2004000

interface PipeHandle {
  open(fd: number): number
}
type PipeClass = new (kind: number) => PipeHandle

let pipeClass: PipeClass | undefined

/** Node's Pipe class has no public name; a Socket made on a pipe carries one. */
function getPipeClass(): PipeClass {
  if (pipeClass === undefined) {
    const fds = new Int32Array(2)
    const res = libc('pipe2')(addressOf(fds), O_CLOEXEC_NONBLOCK)
    if (res < 0) throw errnoError(res, 'pipe2')
    const socket = new Socket({ fd: fds[0]!, readable: true, writable: false })
    const handle = (socket as unknown as { _handle: object })._handle
    pipeClass = handle.constructor as PipeClass
    socket.destroy()
    libc('close')(fds[1]!)
  }
  return pipeClass
}

const ONE = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0])

export class LoopWaker {
  /** The eventfd. Anyone may add to it: the kernel, or a thread through signal(fd). */
  readonly fd: number
  readonly #socket: Socket

  /** `onWake` runs on the event loop once for any number of signals since it last ran. Starts unreferenced. */
  constructor(onWake: () => void) {
    const fd = libc('eventfd')(0, EFD_CLOEXEC_NONBLOCK)
    if (fd < 0) throw errnoError(fd, 'eventfd')
    const handle = new (getPipeClass())(0)
    const res = handle.open(fd)
    assert(res === 0, `a Pipe handle takes an eventfd (${res})`)
    this.fd = fd
    const onread = {
      buffer: new Uint8Array(8),
      callback: () => {
        onWake()
        return true
      },
    }
    this.#socket = new Socket({ handle, onread, readable: true, writable: false } as ConstructorParameters<
      typeof Socket
    >[0])
    this.#socket.unref()
  }

  /** Keeps the process alive. */
  ref(): void {
    this.#socket.ref()
  }

  unref(): void {
    this.#socket.unref()
  }

  /** Closes the fd; no wake-up comes after. */
  close(): void {
    this.#socket.destroy()
  }
}

/** Wakes the loop that polls `fd`, from any thread. Returns n or -errno; -EAGAIN means that a wake-up is due anyway. */
export function signal(fd: number): number {
  return libc('write')(fd, addressOf(ONE), ONE.byteLength)
}
