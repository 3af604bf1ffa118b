/**
 * Keeps the caller's buffers in place for as long as an operation uses them. Runs on the thread that made the ring.
 *
 * A transfer moves a buffer's memory to another ArrayBuffer. Once nobody has a reference to that one the memory is
 * freed, though an operation may still write to it. JavaScript can neither hold the memory itself nor undo a mark. So
 * an ArrayBuffer whose own memory is passed on is marked untransferable, once and for good; the next time costs
 * nothing. Memory that is lent instead requires no mark (lend.ts). Counterpart: pin_user_pages, which holds pages, not
 * their owner.
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

/** Throws for a view of a buffer whose memory may go away while the buffer lives. Held memory is fixed. */
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
 * Whether the buffer is a WebAssembly.Memory's. Nothing can transfer that, and from Node 24 on the mark would abort the
 * process when the memory grows. The test is a transfer that names the buffer twice: it is refused before anything
 * moves, and the message is about the second time unless the first was refused already.
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
