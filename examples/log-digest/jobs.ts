/**
 * The jobs of log-digest. Workers run them.
 *
 *   digestRange   a range of a file     computes; reads its bytes itself, so that none cross
 *   digestText    text, from a pipe     computes
 *   save          hosts of one network  waits for the disk: unbounded; keyed by its file, so that appends take turns
 */
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { currentSignal } from 'uring/pool/job'
import { HostTable, type Part } from './digest.js'

const NEWLINE = 10
/** Read beyond a range at first, for the line that its end cuts. */
const TAIL_BYTES = 64 * 1024

/** The memory of this thread's ranges: the next job reads into the same pages. */
let memory = Buffer.alloc(0)

/** The lines that begin in a range of a file. Stops with an AbortError when it is told to. */
export function digestRange(path: string, begin: number, end: number): Part {
  const table = new HostTable()
  const fd = openSync(path, 'r')
  try {
    table.addText(linesOf(fd, begin, end), currentSignal())
  } finally {
    closeSync(fd)
  }
  return table.part()
}

/** Whole lines that are at hand. Stops with an AbortError when it is told to. */
export function digestText(text: Uint8Array): Part {
  const table = new HostTable()
  table.addText(Buffer.from(text.buffer, text.byteOffset, text.byteLength), currentSignal())
  return table.part()
}

/**
 * Reads a range and what belongs to it: a line belongs to the range in which it begins. The byte before the range says
 * whether a line begins at its start.
 */
function linesOf(fd: number, begin: number, end: number): Buffer {
  const from = Math.max(0, begin - 1)
  let nrBytes = 0
  let last = -1
  for (let wanted = end - from + TAIL_BYTES; last === -1; wanted *= 2) {
    if (memory.length < wanted) {
      const larger = Buffer.allocUnsafeSlow(wanted)
      memory.copy(larger, 0, 0, nrBytes)
      memory = larger
    }
    const before = nrBytes
    while (nrBytes < wanted) {
      const n = readSync(fd, memory, nrBytes, wanted - nrBytes, from + nrBytes)
      if (n === 0) break
      nrBytes += n
    }
    last = memory.subarray(0, nrBytes).indexOf(NEWLINE, Math.max(before, end - 1 - from))
    if (nrBytes < wanted) break // the end of the file ends its last line
  }
  const text = memory.subarray(0, last === -1 ? nrBytes : last + 1)
  if (begin === 0) return text
  const first = text.indexOf(NEWLINE)
  return first === -1 || from + first + 1 >= end ? text.subarray(0, 0) : text.subarray(first + 1)
}

/** Appends to a file, and returns once that is on the disk: the thread waits in fsync(2). */
export function save(path: string, lines: string): void {
  currentSignal().throwIfAborted()
  const fd = openSync(path, 'a')
  try {
    writeSync(fd, lines)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
