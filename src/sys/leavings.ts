/**
 * Descriptors and mappings of a Worker's rings, which nobody else would give back. Any thread; each thread has its own
 * list, but for the main thread: all that it has ends with the process.
 *
 * A Worker may be terminated at any moment, and no JavaScript runs then. So plain stores list what it has in memory
 * that is not V8's, and the addon gives that back when the thread's environment is torn down, after the workers of the
 * thread have ended. An entry leaves the list before it is closed: from then on its number may be another file's.
 * Memory that the kernel still moves data to or from must not be listed. Counterpart: native/uring_ffi.c.
 */
import { MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '../abi/calls.js'
import { perThread } from '../lib/per-thread.js'
import { ffi } from './ffi.js'
import { isMainThread, libc } from './libc.js'

const NR_RANGES = 4096
/** As many as a process may have by default. */
const NR_FDS = 1 << 20

const HEADER_DOUBLES = 2
const LIST_BYTES = (HEADER_DOUBLES + 2 * NR_RANGES) * 8 + NR_FDS / 8

interface Leavings {
  readonly fds: Int32Array
  /** Address and length, two each; a length of 0 is an empty place. */
  readonly ranges: Float64Array
  readonly free: number[]
}

let isKnown = false
let known: Leavings | undefined

function leavings(): Leavings | undefined {
  if (isKnown) return known
  try {
    known = perThread('leavings', make)
    isKnown = true
  } catch {
    // No memory for the list now: what is made meanwhile is not listed.
  }
  return known
}

function make(): Leavings | undefined {
  const { atEnd, view } = ffi()
  if (atEnd === undefined || isMainThread()) return undefined
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
  const list = libc('mmap')(0, LIST_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0)
  if (list < 0) throw new Error('no memory')
  const buffer = view(list, LIST_BYTES)
  const header = new Float64Array(buffer, 0, HEADER_DOUBLES)
  header[0] = NR_RANGES
  header[1] = NR_FDS
  if (!atEnd(list)) return undefined
  return {
    ranges: new Float64Array(buffer, HEADER_DOUBLES * 8, 2 * NR_RANGES),
    fds: new Int32Array(buffer, (HEADER_DOUBLES + 2 * NR_RANGES) * 8, NR_FDS >> 5),
    free: Array.from({ length: NR_RANGES }, (_, i) => NR_RANGES - 1 - i),
  }
}

/** Lists `fd`, to be closed when this thread ends. False if it cannot be listed: on the main thread, or with koffi. */
export function listFd(fd: number): boolean {
  const mine = leavings()
  if (mine === undefined || fd >= NR_FDS) return false
  mine.fds[fd >> 5] = mine.fds[fd >> 5]! | (1 << (fd & 31))
  return true
}

export function isListedFd(fd: number): boolean {
  return known !== undefined && ((known.fds[fd >> 5] ?? 0) & (1 << (fd & 31))) !== 0
}

/** Takes `fd` off the list; call it before close. True if it was listed. */
export function unlistFd(fd: number): boolean {
  if (known === undefined || !isListedFd(fd)) return false
  known.fds[fd >> 5] = known.fds[fd >> 5]! & ~(1 << (fd & 31))
  return true
}

/** Lists memory, to be unmapped when this thread ends. Returns its place in the list, or -1. */
export function listRange(address: number, sizeBytes: number): number {
  const mine = leavings()
  const place = mine?.free.pop()
  if (mine === undefined || place === undefined) return -1
  mine.ranges[2 * place] = address
  mine.ranges[2 * place + 1] = sizeBytes
  return place
}

/** Takes memory off the list; call it before munmap. */
export function unlistRange(place: number): void {
  if (known === undefined || place < 0) return
  known.ranges[2 * place + 1] = 0
  known.free.push(place)
}
