/**
 * A ring's system resources: its descriptor, its index among the registered rings, memory. Runs on the app's thread.
 *
 * It is apart from the Ring so that it can be given back after the Ring is collected. A dropped Ring is closed then,
 * with a warning, as Node closes a FileHandle. It must not refer to the Ring. Counterpart: none; C leaks these.
 */
import {
  IORING_REGISTER_USE_REGISTERED_RING,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_UNREGISTER_RING_FDS,
} from '../abi/constants.js'
import { RSRC_UPDATE } from '../abi/structs.js'
import type { Syscalls } from '../abi/syscalls.js'
import { emitWarning } from '../lib/globals.js'
import type { Mapping } from '../sys/memory.js'
import type { OwnMemory } from './own-memory.js'

const NO_INDEX = -1

const dropped = new FinalizationRegistry<Holding>((holding) => {
  const words = `Closing a ring of ${holding.syscalls.name} (${holding.name}) on garbage collection: call queueExit()`
  emitWarning(words, { code: 'URING_RING_DROPPED' })
  holding.close()
})

export class Holding {
  readonly syscalls: Syscalls
  readonly fd: number
  readonly #own: OwnMemory | undefined
  readonly #hasFd: boolean
  /** Mappings of buffer rings. A mapping of the kernel's would keep the ring alive. */
  readonly mappings = new Set<Mapping>()
  /** The index under which the ring is registered with this thread. */
  index = NO_INDEX

  constructor(syscalls: Syscalls, fd: number, flags: number, own: OwnMemory | undefined) {
    this.syscalls = syscalls
    this.fd = fd
    this.#own = own
    this.#hasFd = (flags & IORING_SETUP_REGISTERED_FD_ONLY) === 0
    if (!this.#hasFd) this.index = fd
  }

  /** A name for messages. */
  get name(): string {
    return `${this.#hasFd ? 'fd' : 'registered as'} ${this.fd}`
  }

  /** Closes it if `ring` is collected before forget(). */
  watch(ring: object): void {
    dropped.register(ring, this, this)
  }

  /** io_uring_register. */
  register(opcode: number, arg: ArrayBufferView | null, nrArgs: number): number {
    // Unsigned: bit 31 says that the fd is an index.
    const call = this.#hasFd ? opcode : (opcode | IORING_REGISTER_USE_REGISTERED_RING) >>> 0
    return this.syscalls.register(this.fd, call, arg, nrArgs)
  }

  isRegistered(): boolean {
    return this.index !== NO_INDEX
  }

  /** Removes it from the registered rings. Returns 1, or -errno. */
  unregister(): number {
    const view = new DataView(new ArrayBuffer(RSRC_UPDATE.size))
    view.setUint32(RSRC_UPDATE.at.offset, this.index, true)
    const res = this.register(IORING_UNREGISTER_RING_FDS, view, 1)
    if (res === 1) this.index = NO_INDEX
    return res
  }

  /** Gives everything back. */
  close(): void {
    dropped.unregister(this)
    // A registered ring would live on.
    if (this.isRegistered()) this.unregister()
    if (this.#hasFd) this.syscalls.close(this.fd)
    // The kernel holds the pages itself for requests in flight.
    this.#own?.unmap()
    for (const mapping of this.mappings) mapping.unmap()
    this.mappings.clear()
  }
}
