/**
 * SharedArrayBuffers by number: a buffer crosses to a worker once, later jobs carry its number alone.
 *
 * The owner numbers a buffer when it is first passed, and holds it only as long as jobs do. A worker keeps the buffers
 * that it has received. When the owner's buffer has been collected an epoch moves, and workers drop all of theirs.
 */
import { fetchAdd } from '../../lib/barrier.js'
import type { SharedBuffers } from '../values/codec.js'
import { NO_ROOM } from '../values/scalars.js'
import { EPOCH, type Space } from './record.js'

/** The owner's side. */
export class SharedBufferIds {
  readonly #ids = new WeakMap<SharedArrayBuffer, number>()
  readonly #collected: FinalizationRegistry<number>
  /** Called with each number whose buffer has been collected. */
  onCollected: (id: number) => void = () => {}
  #next = 0

  constructor(space: Space) {
    this.#collected = new FinalizationRegistry((id) => {
      fetchAdd(space.words, EPOCH, 1)
      this.onCollected(id)
    })
  }

  /** The buffer's number; its job must hold the buffer. */
  idOf(sab: SharedArrayBuffer): number {
    let id = this.#ids.get(sab)
    if (id === undefined) {
      id = this.#next
      this.#next = (this.#next + 1) | 0
      this.#ids.set(sab, id)
      this.#collected.register(sab, id)
    }
    return id
  }

  /** The message for a worker's claim: each buffer with its number. */
  numbered(sabs: readonly SharedArrayBuffer[]): [number, SharedArrayBuffer][] {
    return sabs.map((sab) => [this.#ids.get(sab)!, sab])
  }
}

/** Thrown by the worker's side for an unknown number: it must ask for the buffer. */
export class UnknownBuffer extends Error {
  override readonly message = 'a shared buffer among the arguments of this job did not arrive'
  readonly id: number

  constructor(id: number) {
    super()
    this.id = id
  }
}

/** The worker's side. */
export class SharedBufferCache implements SharedBuffers {
  readonly #words: Int32Array
  readonly #kept = new Map<number, SharedArrayBuffer>()
  #epoch = 0

  constructor(space: Space) {
    this.#words = space.words
    this.#epoch = space.words[EPOCH]!
  }

  /** Drops all, if a buffer has been collected on the owner since the last call. */
  refresh(): void {
    const epoch = this.#words[EPOCH]!
    if (epoch === this.#epoch) return
    this.#epoch = epoch
    this.#kept.clear()
  }

  keep(buffers: readonly [number, SharedArrayBuffer][]): void {
    for (const [id, sab] of buffers) this.#kept.set(id, sab)
  }

  clear(): void {
    this.#kept.clear()
  }

  /** Results carry shared buffers in messages. */
  idOf(): number {
    return NO_ROOM
  }

  byId(id: number): SharedArrayBuffer {
    const sab = this.#kept.get(id)
    if (sab === undefined) throw new UnknownBuffer(id)
    return sab
  }
}
