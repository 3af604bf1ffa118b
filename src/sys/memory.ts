/**
 * Addresses: of JavaScript buffers, of mapped memory, and the copy-in that survives a bad pointer. Any thread.
 *
 * An ArrayBuffer's store does not move, so its address is read once. A resizable or growable buffer is refused: its
 * pages may go away. Counterpart: copy_from_user, mmap.
 */
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from '../abi/calls.js'
import { EFAULT, errnoError } from '../lib/errno.js'
import { withProps } from '../lib/error-props.js'
import { bufferLength, bufferOf, bytesOf, isDetached, isResizable, isView, lengthOf, offsetOf } from '../lib/views.js'
import { ffi } from './ffi.js'
import { listRange, unlistRange } from './leavings.js'
import { libc, processVmReadv } from './libc.js'

const TWO_32 = 2 ** 32

const addresses = new WeakMap<ArrayBufferLike, number>()

/**
 * The address of a view's first byte. Throws a TypeError: ERR_INVALID_ARG_VALUE for a view of a resizable or detached
 * buffer, ERR_INVALID_ARG_TYPE for a value that is no view. The caller keeps the view alive while the address is in
 * use.
 */
export function addressOf(view: ArrayBufferView): number {
  // The first access to `buffer` moves a small typed array's bytes out of V8's heap, for good.
  checkView(view)
  const buffer = bufferOf(view)
  const address = addresses.get(buffer)
  // The known address of a transferred buffer is no longer valid.
  if (address === undefined || bufferLength(buffer) === 0) return learnAddress(buffer) + offsetOf(view)
  return address + offsetOf(view)
}

/**
 * The bytes of a caller's view, as one of the language's own views: a caller's class may misreport. Throws as
 * addressOf.
 */
export function ownView(view: ArrayBufferView): Uint8Array {
  checkView(view)
  if (lengthOf(view) === 0 && isDetached(bufferOf(view))) throw detached()
  return bytesOf(view)
}

function checkView(view: ArrayBufferView): void {
  if (isView(view)) return
  throw wrong('ERR_INVALID_ARG_TYPE', 'a ring takes views of memory: a Buffer, a TypedArray or a DataView')
}

function detached(): Error {
  return wrong('ERR_INVALID_ARG_VALUE', 'the ArrayBuffer is detached: its memory is gone')
}

function wrong(code: string, message: string): Error {
  return withProps(new TypeError(message), { code })
}

function learnAddress(buffer: ArrayBufferLike): number {
  if (isResizable(buffer)) {
    throw wrong('ERR_INVALID_ARG_VALUE', 'a resizable ArrayBuffer cannot be given to a ring: its memory may go away')
  }
  if (isDetached(buffer)) throw detached()
  const address = bufferLength(buffer) === 0 ? 0 : ffi().address(new Uint8Array(buffer))
  if (address !== 0) addresses.set(buffer, address)
  return address
}

/** The low 32 bits of an address, as a signed word to store in an Int32Array. */
export function low32(address: number): number {
  return address | 0
}

/** The bits of an address above 32, as a word. */
export function high32(address: number): number {
  return (address / TWO_32) | 0
}

/** The address that two words make. */
export function fromWords(low: number, high: number): number {
  return (high >>> 0) * TWO_32 + (low >>> 0)
}

const PROT_READ_WRITE = PROT_READ | PROT_WRITE
const MAP_PRIVATE_ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS
/** At least one page, whatever the page size. */
const GUARD_BYTES = 64 << 10

/** Retired mappings, until nobody can see them. */
const retired = new FinalizationRegistry<readonly [address: number, sizeBytes: number, place: number]>(
  ([address, sizeBytes, place]) => {
    unlistRange(place)
    libc('munmap')(address, sizeBytes)
  },
)

/** Memory from mmap(2) as an ArrayBuffer. Drop every view before unmap(): a later access faults. */
export class Mapping {
  readonly address: number
  readonly sizeBytes: number
  readonly buffer: ArrayBuffer
  readonly #allBytes: number
  #live = true
  /** Its place in the list of what ends with the thread. */
  #place = -1

  /**
   * Without `fd`, memory is zeroed, anonymous, and outlives the thread. With `isGuarded` a page that faults lies behind
   * it.
   */
  constructor(sizeBytes: number, fd = -1, offset = 0, isGuarded = false) {
    const flags = fd === -1 ? MAP_PRIVATE_ANONYMOUS : MAP_SHARED | MAP_POPULATE
    const allBytes = sizeBytes + (isGuarded ? GUARD_BYTES : 0)
    const address = libc('mmap')(0, allBytes, PROT_READ_WRITE, flags, fd, offset)
    if (address < 0) throw errnoError(address, 'mmap')
    if (isGuarded) {
      const guard = MAP_PRIVATE_ANONYMOUS | MAP_FIXED | MAP_NORESERVE
      libc('mmap')(address + sizeBytes, GUARD_BYTES, PROT_NONE, guard, -1, 0)
    }
    this.address = address
    this.sizeBytes = sizeBytes
    this.#allBytes = allBytes
    this.buffer = ffi().view(address, sizeBytes)
  }

  /**
   * In a Worker, unmaps it when the thread ends. Only for memory that nothing writes to by then, kernel workers
   * included.
   */
  endWithThread(): this {
    this.#place = listRange(this.address, this.#allBytes)
    return this
  }

  unmap(): void {
    if (!this.#live) return
    this.#live = false
    unlistRange(this.#place)
    libc('munmap')(this.address, this.#allBytes)
  }

  /**
   * Unmaps memory that others may have views of. The views show zeroed anonymous memory from now on, which costs
   * nothing until it is written to, and is freed with the last view. The old memory is freed at once.
   */
  retire(): void {
    if (!this.#live) return
    const flags = MAP_PRIVATE_ANONYMOUS | MAP_FIXED | MAP_NORESERVE
    const res = libc('mmap')(this.address, this.sizeBytes, PROT_READ_WRITE, flags, -1, 0)
    if (res !== this.address) {
      // No memory is left even for that: then later accesses to the views fault.
      this.unmap()
      return
    }
    this.#live = false
    retired.register(this.buffer, [this.address, this.sizeBytes, this.#place])
  }
}

const IOV_WORDS = 4
const iovs = new Int32Array(2 * IOV_WORDS)

function putIov(at: number, address: number, lengthBytes: number): void {
  iovs[at] = low32(address)
  iovs[at + 1] = high32(address)
  iovs[at + 2] = lengthBytes
  iovs[at + 3] = 0
}

/**
 * Copies up to `into.byteLength` bytes from `address`, stopping at the first unreadable page. Returns the bytes copied,
 * or -EFAULT when there are none. Where process_vm_readv is refused or missing it reads the memory directly: a bad
 * address then crashes the process, as it would in C.
 */
export function copyIn(address: number, into: Uint8Array): number {
  if (address === 0) return -EFAULT
  putIov(0, addressOf(into), into.byteLength)
  putIov(IOV_WORDS, address, into.byteLength)
  const base = addressOf(iovs)
  const n = processVmReadv(base, base + IOV_WORDS * 4)
  if (n >= 0) return n
  if (n === -EFAULT) return -EFAULT
  libc('memcpy')(addressOf(into), address, into.byteLength)
  return into.byteLength
}
