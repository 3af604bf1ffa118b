/**
 * Where the caller's buffers are, for as long as an operation needs them there. Runs on the thread that made the ring.
 *
 * A transfer moves a buffer's memory to another ArrayBuffer, and once nobody holds that one the memory is freed, whatever
 * still writes to it. JavaScript can neither hold the memory itself nor undo a mark. So an ArrayBuffer whose own memory
 * goes to the other side is marked, once and for good, as one that cannot be transferred; it costs nothing the next time.
 * Memory that is lent instead needs no mark (lend.ts). Counterpart: pin_user_pages, which holds pages, not their owner.
 */
import { builtin } from '../lib/builtin.js'
import { structuredClone } from '../lib/globals.js'
import { bufferLength, bufferOf, isResizable, offsetOf } from '../lib/views.js'
import { addressOf } from '../sys/memory.js'
import { invalidArgValue } from './errors.js'

/** A WebAssembly.Memory's buffer has whole pages. */
const WASM_PAGE_BYTES = 65536

const held = new WeakMap<ArrayBufferLike, number>()

/** The address of a view's first byte, which stays the same as long as the ArrayBuffer lives: it is marked. */
export function heldAddressOf(view: ArrayBufferView): number {
  const buffer = bufferOf(view)
  return (held.get(buffer) ?? hold(view, buffer)) + offsetOf(view)
}

/** Throws for a view of a buffer whose memory may go away while the buffer lives. What is held is fixed. */
export function checkFixed(view: ArrayBufferView, name = 'buffer'): void {
  if (isResizable(bufferOf(view))) throw invalidArgValue(name, view, 'must not be resizable')
}

function hold(view: ArrayBufferView, buffer: ArrayBufferLike): number {
  checkFixed(view)
  if (bufferLength(buffer) === 0) return 0
  const address = addressOf(new Uint8Array(buffer))
  if (builtin('node:util').types.isArrayBuffer(buffer) && !isWasmMemory(buffer)) {
    builtin('node:worker_threads').markAsUntransferable(buffer)
  }
  held.set(buffer, address)
  return address
}

/**
 * Whether the buffer is a WebAssembly.Memory's: nothing can transfer that, and from Node 24 on the mark would have the
 * process abort when the memory grows. A transfer that names a buffer twice is refused before anything moves, with a
 * complaint about the second time, unless the first was refused already.
 */
function isWasmMemory(buffer: ArrayBuffer): boolean {
  if (bufferLength(buffer) % WASM_PAGE_BYTES !== 0) return false
  try {
    structuredClone(undefined, { transfer: [buffer, buffer] })
    return true
  } catch (error) {
    return !/duplicate/.test((error as Error).message)
  }
}
