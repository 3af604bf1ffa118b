/**
 * Memory lent to the other side in place of the caller's: in Workers, and on request. Runs on the thread that made the
 * ring.
 *
 * The ArrayBuffers of a terminated Worker are freed some milliseconds before its thread ends, and only the end of the
 * thread ends its requests in the kernel. A read in between would write to memory of another owner. So in a Worker
 * operations use memory that outlives the thread, and the bytes are copied: 0.2 us for 4 KiB. That holds for both
 * backends, because a program must not depend on which it has. Lent memory's buffer stays transferable, other buffers
 * do not (hold.ts). Counterpart: the kernel's bounce buffers, kernel/dma/swiotlb.c.
 */
import { bufferOf, bytesOf, isDetached, lengthOf } from '../lib/views.js'
import { totalBytes } from './args.js'
import { invalidState } from './errors.js'
import type { Piece, Pieces } from './pieces.js'

/** Memory lent to one operation. */
export interface Loan {
  /** The address in the SQE. */
  readonly address: number
  /** Copies read bytes to the caller after a result of 0 or more. Returns the result; throws for a detached buffer. */
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

  /** For a read into several views: one piece is lent, as if they were one after another. */
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
