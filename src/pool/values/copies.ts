/**
 * Bytes copied into shared memory, and private copies of what lies there. Runs on the owner and on workers.
 *
 * `set` on shared memory goes word by word, as the memory model has it. What is copied here belongs to one thread at a
 * time, and is handed over by words that are atomic; so it may go as fast as memory goes: `fill` with one buffer that
 * fits exactly is a memcpy in every Node, up to five times as fast.
 *
 * The garbage collector frees big buffers by the dozen, and where they end the heap, malloc gives that end back to the
 * system: each new copy then costs a page fault for every 4 KiB, several times the copying. glibc learns from the largest
 * mapping that was ever freed: up to twice its size then stays, in all threads. So each thread that copies frees one such
 * mapping, early, for it may be the first (M_MMAP_THRESHOLD in mallopt(3)); other allocators take no notice.
 */
import { Buffer } from '../../lib/globals.js'

/** Smaller copies find pages that are there already. */
const BIG_BYTES = 16_384
/** Just below the largest size that glibc learns from. */
const LESSON_BYTES = (32 << 20) - 8192

let isTaught = false

/** Below it a call into Node costs more than the copying. */
const FILL_BYTES = 1536
/** Above it no Node is asked to count in fewer than 64 bits. */
const MAX_FILL = 1 << 30

/** Copies `bytes` to `at`. One of the two may be shared. */
export function copyBytes(bytes: Uint8Array, to: Buffer, at: number): void {
  const { length } = bytes
  if (length < FILL_BYTES || length > MAX_FILL) to.set(bytes, at)
  else to.fill(bytes, at, at + length)
}

/** The bytes in a buffer of their own. */
export function privateCopy(bytes: Uint8Array): ArrayBuffer {
  const { byteLength } = bytes
  if (byteLength >= BIG_BYTES && !isTaught) teachMalloc()
  // Not zeroed first, and of the big sizes that is half the cost.
  const copy = Buffer.allocUnsafeSlow(byteLength)
  copyBytes(bytes, copy, 0)
  return copy.buffer as ArrayBuffer
}

/** A mapping of its own, never touched and soon collected. */
function teachMalloc(): void {
  isTaught = true
  try {
    Buffer.allocUnsafeSlow(LESSON_BYTES)
  } catch {
    // No address space for it: copies are slower, no more.
  }
}
