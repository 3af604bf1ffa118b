/**
 * Serialised arguments with their buffers beside them, in one block of shared memory. The job begins whatever its
 * caller does meanwhile; a message would have to be claimed. The owner writes a parcel, a worker opens it.
 *
 *   block:  | how many buffers | length of each | length of the bytes | bytes | buffer | buffer | …      each at a multiple of 8
 */
import { copyBytes, privateCopy } from '../values/copies.js'
import type { PackedMessage } from './messages.js'
import type { Space } from './record.js'

/** Beyond this, two copies cost more than a message and its claim. */
const MAX_PARCEL = 1 << 18

function aligned(bytes: number): number {
  return (bytes + 7) & ~7
}

function headBytes(nrBuffers: number): number {
  return aligned((nrBuffers + 2) * 4)
}

/** The size of its block; undefined if a message is better. */
export function parcelBytes({ bytes, buffers }: PackedMessage): number | undefined {
  let size = headBytes(buffers.length) + bytes.length + 7
  for (const { byteLength } of buffers) size += byteLength + 7
  return size > MAX_PARCEL ? undefined : size
}

export function putParcel(space: Space, block: number, { bytes, buffers }: PackedMessage): void {
  const { words } = space
  let word = block >> 2
  words[word++] = buffers.length
  for (const { byteLength } of buffers) words[word++] = byteLength
  words[word] = bytes.length
  let at = block + headBytes(buffers.length)
  for (const part of [bytes, ...buffers.map((buffer) => new Uint8Array(buffer))]) {
    copyBytes(part, space.bytes, at)
    at += aligned(part.length)
  }
}

/** Its bytes as they lie there, and copies of its buffers. */
export function openParcel(space: Space, block: number): PackedMessage {
  const { words } = space
  const first = block >> 2
  const nrBuffers = words[first]!
  let at = block + headBytes(nrBuffers)
  const next = (length: number) => {
    const part = space.bytes.subarray(at, at + length)
    at += aligned(length)
    return part
  }
  const bytes = next(words[first + 1 + nrBuffers]!)
  const buffers = Array.from({ length: nrBuffers }, (_, i) => privateCopy(next(words[first + 1 + i]!)))
  return { bytes, buffers }
}
