/**
 * Private copies of bytes that lie in shared memory. Runs on the owner and on workers.
 *
 * The garbage collector frees big buffers by the dozen, and where they end the heap, malloc gives that end back to the
 * system: each new copy then costs a page fault for every 4 KiB, several times the copying. A few small buffers, kept
 * among the big ones, hold the end up: what is freed below is used again. They go when nothing has been copied for a
 * while (`forget`), and then the heap may shrink.
 */

/** Copies below have their pages for long. */
const BIG_BYTES = 16_384
const PIN_EVERY_BYTES = 8 << 20
/** Below malloc's own limit for mappings, and not among its small sizes. Their pages are not touched. */
const PIN_BYTES = 40_000
const NR_PINS = 8

let pins: ArrayBufferLike[] = []
let unpinned = 0

/** The bytes in a buffer of their own. */
export function privateCopy(bytes: Uint8Array): ArrayBuffer {
  const { byteLength } = bytes
  if (byteLength >= BIG_BYTES) {
    unpinned += byteLength
    if (unpinned >= PIN_EVERY_BYTES) pin()
  }
  // Not zeroed first, and of the big sizes that is half the cost.
  const copy = Buffer.allocUnsafeSlow(byteLength)
  copy.set(bytes)
  return copy.buffer as ArrayBuffer
}

function pin(): void {
  unpinned = 0
  pins.push(Buffer.allocUnsafeSlow(PIN_BYTES).buffer)
  if (pins.length > NR_PINS) pins.shift()
}

/** No more big copies are expected. */
export function forgetPins(): void {
  pins = []
  unpinned = 0
}
