/**
 * Memory lent to the other side in place of the caller's: in Workers, and where it is asked for. Runs on the thread that
 * made the ring.
 *
 * When a Worker is terminated its ArrayBuffers are freed some milliseconds before its thread ends, and only the end of
 * the thread makes the kernel let go of what is in flight. A read that came in between would write to memory that is
 * somebody else's by then. So in a Worker operations get memory that outlives the thread, and the bytes are copied: 0.2 us
 * for 4 KiB. That holds for both backends, for a program must not depend on which it has: what is lent stays
 * transferable, what is given as it is does not (hold.ts). Counterpart: the kernel's bounce buffers, kernel/dma/swiotlb.c.
 */
import { bufferOf, bytesOf, isDetached, lengthOf } from '../lib/views.js'
import { totalBytes } from './args.js'
import { invalidState } from './errors.js'
import type { Piece, Pieces } from './pieces.js'

/** Memory lent to one operation. */
export interface Loan {
  /** What the SQE points to. */
  readonly address: number
  /** After a result of 0 or more: the caller gets the bytes that were read. Returns the result; throws for a buffer that is gone. */
  readonly finish: (res: number) => number
  /** Gives the memory back. */
  readonly release: () => void
}

const asItIs = (res: number): number => res

export class Lender {
  readonly #pieces: Pieces

  constructor(pieces: Pieces) {
    this.#pieces = pieces
  }

  /** For a read into part of `view`. */
  toRead(view: ArrayBufferView, offset = 0, length = lengthOf(view)): Loan {
    const piece = this.#pieces.take(length)
    const finish = (res: number) => {
      attachedBytes(view, offset, res).set(piece.bytes.subarray(0, res))
      return res
    }
    return this.#loan(piece, finish)
  }

  /** For a write from part of `view`, which may be changed from now on. */
  toWrite(view: ArrayBufferView, offset = 0, length = lengthOf(view)): Loan {
    checkAttached(view)
    const piece = this.#pieces.take(length)
    piece.bytes.set(attachedBytes(view, offset, length))
    return this.#loan(piece, asItIs)
  }

  /** For a read into several views: they are lent one piece, as if they were one after another. */
  toReadv(views: readonly ArrayBufferView[]): Loan {
    const piece = this.#pieces.take(totalBytes(views))
    const finish = (res: number) => {
      for (const view of views) checkAttached(view)
      let at = 0
      for (const view of views) {
        const length = Math.min(lengthOf(view), res - at)
        attachedBytes(view, 0, length).set(piece.bytes.subarray(at, at + length))
        at += length
      }
      return res
    }
    return this.#loan(piece, finish)
  }

  toWritev(views: readonly ArrayBufferView[]): Loan {
    for (const view of views) checkAttached(view)
    const piece = this.#pieces.take(totalBytes(views))
    let at = 0
    for (const view of views) {
      const bytes = attachedBytes(view, 0, lengthOf(view))
      piece.bytes.set(bytes, at)
      at += bytes.length
    }
    return this.#loan(piece, asItIs)
  }

  #loan(piece: Piece, finish: (res: number) => number): Loan {
    return { address: piece.address, finish, release: () => this.#pieces.giveBack(piece) }
  }
}

function checkAttached(view: ArrayBufferView): void {
  if (isDetached(bufferOf(view))) throw invalidState('the buffer was detached while the operation was in flight')
}

function attachedBytes(view: ArrayBufferView, offset: number, length: number): Uint8Array {
  checkAttached(view)
  return bytesOf(view, offset, length)
}
