/**
 * SQE fillers for tests: prep.ts with views and paths in place of addresses. Main thread of a test file; no state.
 */
import { SQE } from '../../src/abi/sqe.js'
import * as prep from '../../src/ring/prep.js'
import { addressOf, high32, low32 } from '../../src/sys/memory.js'

/** Writes the fields of an SQE at a word. */
export type Fill = (words: Int32Array, at: number) => void

/** A prep function with its arguments. */
export const sqe =
  <A extends unknown[]>(prepare: (words: Int32Array, at: number, ...args: A) => void, ...args: A): Fill =>
  (words, at) =>
    prepare(words, at, ...args)

export type SqeField = keyof typeof SQE.at

export const nop =
  (nopFlags = 0, len = 0): Fill =>
  (words, at) =>
    prep.prepNop(words, at, nopFlags, len)

/** An opcode that no kernel knows. */
export const badOpcode: Fill = (words, at) => prep.prepRw(words, at, 255, -1, 0, 0, 0)

export const read =
  (fd: number, into: Uint8Array, off = -1): Fill =>
  (words, at) =>
    prep.prepRead(words, at, fd, addressOf(into), into.byteLength, off)

export const write =
  (fd: number, from: Uint8Array, off = -1): Fill =>
  (words, at) =>
    prep.prepWrite(words, at, fd, addressOf(from), from.byteLength, off)

/** A read whose buffer is an address. */
export const readTo =
  (fd: number, address: number, len: number, off = -1): Fill =>
  (words, at) =>
    prep.prepRead(words, at, fd, address, len, off)

export const writeFrom =
  (fd: number, address: number, len: number, off = -1): Fill =>
  (words, at) =>
    prep.prepWrite(words, at, fd, address, len, off)

export const readv =
  (fd: number, vecs: BigUint64Array, nrVecs: number, off = -1, rwFlags = 0): Fill =>
  (words, at) =>
    prep.prepReadv(words, at, fd, addressOf(vecs), nrVecs, off, rwFlags)

export const writev =
  (fd: number, vecs: BigUint64Array, nrVecs: number, off = -1, rwFlags = 0): Fill =>
  (words, at) =>
    prep.prepWritev(words, at, fd, addressOf(vecs), nrVecs, off, rwFlags)

export const fsync =
  (fd: number, fsyncFlags = 0): Fill =>
  (words, at) =>
    prep.prepFsync(words, at, fd, fsyncFlags)

export const openat =
  (dirfd: number, path: number, openFlags: number, mode = 0): Fill =>
  (words, at) =>
    prep.prepOpenat(words, at, dirfd, path, openFlags, mode)

export const close =
  (fd: number): Fill =>
  (words, at) =>
    prep.prepClose(words, at, fd)

export const statx =
  (dirfd: number, path: number, statxFlags: number, mask: number, into: Uint8Array): Fill =>
  (words, at) =>
    prep.prepStatx(words, at, dirfd, path, statxFlags, mask, addressOf(into))

/** Cancels by user_data. */
export const cancel =
  (userData: number, flags = 0): Fill =>
  (words, at) =>
    prep.prepCancel64(words, at, userData, 0, flags)

/** `fill`, then these fields with these values: for what prep.ts never writes. */
export const withFields =
  (fill: Fill, fields: Partial<Record<SqeField, number>>): Fill =>
  (words, at) => {
    fill(words, at)
    const bytes = new DataView(words.buffer, words.byteOffset + at * 4, SQE.size)
    for (const [name, value] of Object.entries(fields)) setField(bytes, name as SqeField, value)
  }

function setField(bytes: DataView, name: SqeField, value: number): void {
  const offset = SQE.at[name]
  const { type } = SQE.fields.find((field) => field.name === name)!
  if (type === 'u8') bytes.setUint8(offset, value)
  else if (type === 'u16') bytes.setUint16(offset, value, true)
  else bytes.setInt32(offset, low32(value), true)
  if (type === 'u64') bytes.setInt32(offset + 4, value < 0 ? -1 : high32(value), true)
}
