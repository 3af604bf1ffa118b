/**
 * An fd that wakes Node's event loop. The thread to be woken makes it; any thread, or the kernel, signals it.
 *
 * An eventfd is opened as a Pipe handle, the class behind net.Socket, so Node itself polls, reads and closes it. A
 * wake-up costs 2 us, and a terminated Worker leaves nothing open. The alternative, uv_poll through FFI, saves a
 * microsecond but aborts the process when a Worker is terminated with the handle open. The class has no public name: if
 * it cannot be found, a thread waits for the eventfd and sends messages (waiter.ts).
 */
import type { Socket } from 'node:net'
import { EFD_CLOEXEC, EFD_NONBLOCK } from '../abi/calls.js'
import { O_CLOEXEC, O_NONBLOCK } from '../abi/posix.js'
import { builtin } from '../lib/builtin.js'
import { errnoError, isShortage } from '../lib/errno.js'
import { forNode } from '../lib/options.js'
import { isMainThread, libc } from './libc.js'
import { addressOf } from './memory.js'
import { Waiter } from './waiter.js'

/** How the loop learns of a signal: Node polls the eventfd, or a thread of ours does. */
export type WakeWay = 'pipe' | 'thread'

/** Watches the eventfd for the loop. Starts unreferenced. */
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

/** Node's Pipe class in this thread; null if it cannot be found. */
let pipeClass: PipeClass | null | undefined

/** How the wakers of this thread work. Throws if no file descriptor is left to find out. */
export function wakeWay(): WakeWay {
  return getPipeClass() === null ? 'thread' : 'pipe'
}

/** Node's Pipe class has no public name; a Socket made on a pipe carries one. */
function getPipeClass(): PipeClass | null {
  if (pipeClass !== undefined) return pipeClass
  const fds = new Int32Array(2)
  const res = libc('pipe2')(addressOf(fds), O_CLOEXEC | O_NONBLOCK)
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
  /** The eventfd. The kernel adds to it, or any thread through signal(fd). */
  readonly fd: number
  readonly #onWake: () => void
  #watch: Watch | undefined
  #isClosed = false

  /**
   * `onWake` runs on the event loop once for any number of signals since it last ran. Starts unreferenced. On the main
   * thread nobody watches the eventfd before the first ref(), because node:net takes 2 ms to load.
   */
  constructor(onWake: () => void) {
    const fd = libc('eventfd')(0, EFD_CLOEXEC | EFD_NONBLOCK)
    if (fd < 0) throw errnoError(fd, 'eventfd')
    this.fd = fd
    this.#onWake = onWake
    // A Worker may be terminated at any moment: Node closes only what it knows of.
    if (!isMainThread()) this.#start()
  }

  /** Keeps the process alive. False if no file descriptor or memory is left for that now: try again. */
  ref(): boolean {
    if (this.#watch === undefined && !this.#start()) return false
    this.#watch?.ref()
    return true
  }

  unref(): void {
    this.#watch?.unref()
  }

  /** Closes the fd: at once, or when a watching thread has stopped using it. No wake-up comes after. */
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
