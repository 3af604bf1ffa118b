/**
 * A ring of provided buffers: the app adds buffers by writing memory, without a request. Runs on the app's thread.
 *
 * An operation with IOSQE_BUFFER_SELECT uses the next buffer of its group, and its completion has the buffer's id
 * (IORING_CQE_F_BUFFER, and bufferOf). The app writes entries and the tail. The other side keeps the head to itself,
 * and advances address and length in an entry of an incremental ring. It must never be unregistered with requests on
 * it. Once it is freed, or its ring closed, every call but free throws ERR_INVALID_STATE. Counterpart: the
 * io_uring_buf_ring_* functions and io_uring_setup_buf_ring of liburing.
 */
import * as abi from '../abi/constants.js'
import { BUF, BUF_REG, BUF_STATUS } from '../abi/structs.js'
import { assert } from '../lib/assert.js'
import { storeRelease } from '../lib/barrier.js'
import { high32, low32, Mapping } from '../sys/memory.js'
import { groupIsFreed } from './misuse.js'
import type { Ring } from './ring.js'

const ENTRY_WORDS = BUF.size >> 2
const ADDR = BUF.at.addr >> 2
const LEN = BUF.at.len >> 2
/** bid in its lower half; of entry 0 the upper half is the tail of the ring. */
const BID_AND_TAIL = BUF.at.bid >> 2
const TAIL_SHIFT = 16

export class BufRing {
  readonly bgid: number
  readonly entries: number
  readonly #ring: Ring
  /** Its memory. */
  readonly mapping: Mapping
  #words: Int32Array
  readonly #mask: number
  #tail = 0

  /** Use setupBufRing. */
  constructor(ring: Ring, mapping: Mapping, entries: number, bgid: number) {
    this.#ring = ring
    this.mapping = mapping
    this.#words = new Int32Array(mapping.buffer, 0, entries * ENTRY_WORDS)
    this.#mask = entries - 1
    this.entries = entries
    this.bgid = bgid
    ring.addGroup(this)
  }

  /** The ring is closed, or the group unregistered: the memory is not accessed any more. */
  close(): void {
    this.#words = new Int32Array(0)
    this.mapping.unmap()
  }

  #live(): Int32Array {
    if (this.#words.length === 0) throw groupIsFreed()
    return this.#words
  }

  /**
   * Writes an entry, `offset` places behind the last published one: the `len` bytes at `addr` are buffer `bid`. Nobody
   * sees it before advance. The memory must live until the buffer has come back, or the ring is unregistered.
   */
  add(addr: number, len: number, bid: number, offset = 0): void {
    const at = ((this.#tail + offset) & this.#mask) * ENTRY_WORDS
    const words = this.#live()
    words[at + ADDR] = low32(addr)
    words[at + ADDR + 1] = high32(addr)
    words[at + LEN] = len
    words[at + BID_AND_TAIL] = (words[at + BID_AND_TAIL]! & ~0xffff) | (bid & 0xffff)
  }

  /** Publishes the next `count` entries that add wrote. */
  advance(count: number): void {
    const words = this.#live()
    this.#tail = (this.#tail + count) & 0xffff
    // Publishes the entries before it, and keeps entry 0's bid, in the same word. Pairs with the kernel's acquire of
    // the tail.
    const bid = words[BID_AND_TAIL]! & 0xffff
    storeRelease(words, BID_AND_TAIL, (this.#tail << TAIL_SHIFT) | bid)
  }

  /** add and advance(1): gives one buffer (back). */
  give(addr: number, len: number, bid: number): void {
    this.add(addr, len, bid)
    this.advance(1)
  }

  /** The next entry to be used, as a free-running u16; or -errno: -EINVAL before Linux 6.8. */
  head(): number {
    const bytes = new Uint8Array(BUF_STATUS.size)
    const view = new DataView(bytes.buffer)
    view.setUint32(BUF_STATUS.at.buf_group, this.bgid, true)
    const res = this.#ring.register(abi.IORING_REGISTER_PBUF_STATUS, bytes, 1)
    return res < 0 ? res : view.getUint32(BUF_STATUS.at.head, true)
  }

  /** Buffers that were published and not used yet, or -errno as head(). */
  available(): number {
    const head = this.head()
    return head < 0 ? head : (this.#tail - head) & 0xffff
  }

  /**
   * Unregisters the group and frees the ring's memory; the buffers are the app's again once the requests that use one
   * have completed. Returns 0, also when the ring is closed; -ENOENT if the group was freed before (liburing:
   * io_uring_free_buf_ring).
   */
  free(): number {
    const res = this.#ring.isOpen ? unregisterBufRing(this.#ring, this.bgid) : 0
    if (res === 0) {
      this.close()
      this.#ring.dropGroup(this)
    }
    return res
  }
}

/**
 * Makes an empty buffer ring of `entries` (a power of two, at most 32768) as group `bgid`. `flags`: IOU_PBUF_RING_MMAP
 * lets the kernel allocate it (6.4); IOU_PBUF_RING_INC uses buffers piece by piece (6.12). `minLeft`, in bytes: with
 * INC, a buffer whose rest is smaller counts as used up. Otherwise a multishot RECVMSG may find a rest too short for a
 * message's head, and end with -EFAULT.
 *
 * Or -errno: -EINVAL for other entries, unknown flags, `minLeft` without INC or on a kernel without it; -EEXIST if the
 * group exists; -ENOMEM. Since Linux 5.19.
 */
export function setupBufRing(ring: Ring, entries: number, bgid: number, flags = 0, minLeft = 0): BufRing | number {
  const isMmapped = (flags & abi.IOU_PBUF_RING_MMAP) !== 0
  // The kernel reports every bad argument, so the memory is made first.
  const own = isMmapped ? undefined : new Mapping(Math.max(1, entries) * BUF.size).endWithThread()
  const res = registerBufRing(ring, own?.address ?? 0, entries, bgid, flags, minLeft)
  if (res < 0) {
    own?.unmap()
    return res
  }
  assert(entries > 0 && (entries & (entries - 1)) === 0, 'a buffer ring that was taken has a power of two entries')
  const at = abi.IORING_OFF_PBUF_RING + bgid * 2 ** abi.IORING_OFF_PBUF_SHIFT
  return new BufRing(ring, own ?? new Mapping(entries * BUF.size, ring.fd, at).endWithThread(), entries, bgid)
}

/** Registers the caller's page-aligned memory as a buffer ring; otherwise as setupBufRing. */
export function registerBufRing(
  ring: Ring,
  address: number,
  entries: number,
  bgid: number,
  flags = 0,
  minLeft = 0,
): number {
  const view = bufReg(bgid)
  view.setBigUint64(BUF_REG.at.ring_addr, BigInt(address), true)
  view.setUint32(BUF_REG.at.ring_entries, entries, true)
  view.setUint16(BUF_REG.at.flags, flags, true)
  view.setUint32(BUF_REG.at.min_left, minLeft, true)
  return ring.register(abi.IORING_REGISTER_PBUF_RING, view, 1)
}

/** -ENOENT without the group; -EINVAL if it is no buffer ring. Since Linux 5.19. */
export function unregisterBufRing(ring: Ring, bgid: number): number {
  return ring.register(abi.IORING_UNREGISTER_PBUF_RING, bufReg(bgid), 1)
}

function bufReg(bgid: number): DataView {
  const view = new DataView(new ArrayBuffer(BUF_REG.size))
  view.setUint16(BUF_REG.at.bgid, bgid, true)
  return view
}

/** The id of the buffer that a completion used, from its flags; undefined without one. */
export function bufferOf(cqeFlags: number): number | undefined {
  return cqeFlags & abi.IORING_CQE_F_BUFFER ? cqeFlags >>> abi.IORING_CQE_BUFFER_SHIFT : undefined
}
