/**
 * A test-build check that only the writer named in a table writes a field. It runs on the thread that asks for it,
 * before each of its ordered writes; it does not see plain writes through an array.
 *
 * A table's `written by` column is a promise to every reader: the owner may cache what the app alone writes. A thread
 * asks for the check by role, after the memory was filled and before it begins. The check uses barrier.ts's one hook,
 * so it is not for threads under the interleaving explorer. It acts only where URING_VERIFY=1, never in production.
 */
import { assert, VERIFY } from './assert.js'
import { type StepHook, type StepKind, setStepHook } from './barrier.js'
import type { Field, Layout, Writer } from './layout.js'

export type Role = Exclude<Writer, 'any' | 'holder' | 'once'>

/** Records laid out by one table, in shared words. */
export interface Watched {
  readonly words: Int32Array
  readonly layout: Layout<string>
  /** Index of the first record's first word. */
  readonly baseWord: number
  /** Records in a row, and words from one to the next. Defaults: one record; the table's length. */
  readonly count?: number
  readonly strideWords?: number
  /** Fields that whoever holds them writes: mpscq's links. The check does not know the holder. */
  readonly except?: readonly string[]
}

/** From now on a write of this thread that the tables forbid throws, in test builds. Replaces any other step hook. */
export function watchWriters(role: Role, regions: readonly Watched[]): void {
  if (VERIFY) setStepHook(writerHook(role, regions))
}

/** The check itself, in every build. */
export function writerHook(role: Role, regions: readonly Watched[]): StepHook {
  return (kind, words, index) => {
    if (kind === 'load' || kind === 'wait' || kind === 'wake') return undefined
    for (const region of regions) {
      const byteOff = offsetIn(region, words, index)
      if (byteOff < 0) continue
      const { layout, except } = region
      for (const field of layout.fields) {
        // One word may hold several small fields; a write covers them all.
        if (field.offset >= byteOff + 4 || field.offset + field.bytes <= byteOff) continue
        if (except?.includes(field.name)) continue
        assert(mayWrite(role, kind, field), `${role} may not ${kind} ${layout.name}.${field.name}: ${rule(field)}`)
      }
    }
    return undefined
  }
}

/** Byte offset, in its record, of a word that is about to be written; -1 outside of the region. */
function offsetIn({ words: own, layout, baseWord, count = 1, strideWords }: Watched, words: Int32Array, index: number) {
  if (words.buffer !== own.buffer) return -1
  const stride = strideWords === undefined ? layout.size : strideWords * 4
  const byteOff = words.byteOffset + index * 4 - (own.byteOffset + baseWord * 4)
  if (byteOff < 0 || byteOff >= stride * count) return -1
  return byteOff % stride < layout.size ? byteOff % stride : -1
}

function mayWrite(role: Role, kind: StepKind, { writtenBy }: Field): boolean {
  // The check cannot know who holds a lock or a record.
  if (writtenBy === 'holder') return true
  return writtenBy === 'any' ? kind !== 'store' : writtenBy === role
}

function rule({ writtenBy }: Field): string {
  if (writtenBy === 'any') return 'any thread writes it, by read-modify-write only'
  if (writtenBy === 'once') return 'it is written once, before it is shared'
  return `only the ${writtenBy} writes it`
}
