/**
 * An fd that wakes Node's event loop. Made on the thread that is to be woken; signalled from any thread, or by the
 * kernel.
 *
 * An eventfd is opened as a Pipe handle, the class behind net.Socket, so Node itself polls, reads and closes it: 2 us a
 * wake-up, and nothing is left open when a Worker is terminated. The other way that was measured, uv_poll through FFI,
 * saves a microsecond and aborts the process when a Worker is terminated with the handle open. The class has no public
 * name: where it is not to be had, a thread waits for the eventfd and sends messages (waiter.ts).
 */
import type { Socket } from 'node:net'
import { builtin } from '../lib/builtin.js'
import { errnoError, isShortage } from '../lib/errno.js'
import { forNode } from '../lib/options.js'
import { isMainThread, libc } from './libc.js'
import { addressOf } from './memory.js'
import { Waiter } from './waiter.js'

const EFD_CLOEXEC_NONBLOCK = 0o2004000
const O_CLOEXEC_NONBLOCK = 0o2004000

/** How the loop learns of a signal: Node polls the eventfd, or a thread of ours does. */
export type WakeWay = 'pipe' | 'thread'

/** Somebody who looks at the eventfd for the loop. Starts unreferenced. */
interface Watch {
  ref(): void
  unref(): void
  /** Also closes the eventfd. */
  close(): void
}

interface PipeHandle {
  open(fd: number): number
  close(): void
}
type PipeClass = new (kind: number) => PipeHandle

/** Of this thread; null where it is not to be had. */
let pipeClass: PipeClass | null | undefined

/** Which way the wakers of this thread take. Throws where no file descriptor is left to find out. */
export function wakeWay(): WakeWay {
  return getPipeClass() === null ? 'thread' : 'pipe'
}

/** Node's Pipe class has no public name; a Socket made on a pipe carries one. */
function getPipeClass(): PipeClass | null {
  if (pipeClass !== undefined) return pipeClass
  const fds = new Int32Array(2)
  const res = libc('pipe2')(addressOf(fds), O_CLOEXEC_NONBLOCK)
  if (res < 0) throw errnoError(res, 'pipe2')
  let socket: Socket | undefined
  try {
    const { Socket } = builtin('node:net')
    socket = new Socket(forNode({ fd: fds[0]!, readable: true, writable: false }))
  } catch {
    libc('close')(fds[0]!)
  }
  const handle = (socket as { _handle?: Partial<PipeHandle> | null } | undefined)?._handle
  const isPipe = typeof handle?.open === 'function' && typeof handle.close === 'function'
  pipeClass = isPipe ? (handle.constructor as PipeClass) : null
  socket?.destroy()
  libc('close')(fds[1]!)
  return pipeClass
}

const ONE = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0])

export class LoopWaker {
  /** The eventfd. Anyone may add to it: the kernel, or a thread through signal(fd). */
  readonly fd: number
  readonly #onWake: () => void
  #watch: Watch | undefined
  #isClosed = false

  /**
   * `onWake` runs on the event loop once for any number of signals since it last ran. Starts unreferenced. On the main
   * thread nobody looks at the eventfd before the first ref(), for node:net takes 2 ms to load.
   */
  constructor(onWake: () => void) {
    const fd = libc('eventfd')(0, EFD_CLOEXEC_NONBLOCK)
    if (fd < 0) throw errnoError(fd, 'eventfd')
    this.fd = fd
    this.#onWake = onWake
    // A Worker may be terminated at any moment: what Node does not know of, it does not close.
    if (!isMainThread()) this.#start()
  }

  /** Keeps the process alive. False when there is no file descriptor or memory left for it now: ask again. */
  ref(): boolean {
    if (this.#watch === undefined && !this.#start()) return false
    this.#watch?.ref()
    return true
  }

  unref(): void {
    this.#watch?.unref()
  }

  /** Closes the fd, at once or, where a thread looks at it, as soon as that one has let go; no wake-up comes after. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#watch === undefined) libc('close')(this.fd)
    else this.#watch.close()
  }

  #start(): boolean {
    const onWake = () => {
      if (!this.#isClosed) this.#onWake()
    }
    try {
      this.#watch = watchByPipe(this.fd, onWake) ?? new Waiter(this.fd, onWake)
      return true
    } catch (error) {
      if (isShortage(error) || (error as { code?: string }).code === 'ERR_WORKER_INIT_FAILED') return false
      throw error
    }
  }
}

function watchByPipe(fd: number, onWake: () => void): Watch | undefined {
  const Pipe = getPipeClass()
  if (Pipe === null) return undefined
  const handle = new Pipe(0)
  if (handle.open(fd) !== 0) {
    handle.close()
    return undefined
  }
  const onread = {
    buffer: new Uint8Array(8),
    callback: () => {
      onWake()
      return true
    },
  }
  const { Socket } = builtin('node:net')
  const socket = new Socket(
    forNode({ handle, onread: forNode(onread), readable: true, writable: false }) as ConstructorParameters<
      typeof Socket
    >[0],
  )
  socket.unref()
  return {
    ref: () => socket.ref(),
    unref: () => socket.unref(),
    close: () => socket.destroy(),
  }
}

/** Wakes the loop that polls `fd`, from any thread. Returns n or -errno; -EAGAIN means that a wake-up is due anyway. */
export function signal(fd: number): number {
  return libc('write')(fd, addressOf(ONE), ONE.byteLength)
}
