/**
 * A test-build check that only the writer a table names writes a field. Runs on the thread that asks, before each of its
 * ordered writes; plain writes through an array are not seen.
 *
 * A table's `written by` column is a promise to every reader: what the app alone writes, the owner may cache. Asked for
 * by role, after the memory was filled: by an owner as it has made it, by a worker before it begins. It uses barrier.ts's
 * one hook, so it is not for threads under the interleaving explorer. Never in production: it acts only where
 * URING_VERIFY=1.
 */
import { assert, VERIFY } from './assert.js'
import { type StepHook, type StepKind, setStepHook, stepHook } from './barrier.js'
import type { Field, Layout, Writer } from './layout.js'

export type Role = Exclude<Writer, 'any' | 'lock holder' | 'record holder' | 'once'>

/** A write that is about to be made, of a word that changes hands. */
export interface Write {
  readonly kind: StepKind
  readonly field: string
  /** Which of the region's records. */
  readonly record: number
  /** What stands there now. */
  readonly before: number
  readonly value: number
  /** What a compare-exchange expects. */
  readonly extra: number
}

/** Records laid out by one table, in shared words. */
export interface Watched {
  readonly words: Int32Array
  readonly layout: Layout<string>
  /** Index of the first record's first word. */
  readonly baseWord: number
  /** Records in a row, and words from one to the next. One record unless given; as long as the table unless given. */
  readonly count?: number
  readonly strideWords?: number
  /** The record whose `worker` words are this worker's; all of them unless given. */
  readonly own?: number | undefined
  /** Whether this thread holds the lock, or the record, as the write wants. Unless given nothing is known of that. */
  readonly holds?: (write: Write) => boolean
}

type ByMemory = WeakMap<ArrayBufferLike, Entry[]>
interface Entry {
  readonly roles: readonly Role[]
  readonly region: Watched
}

let watched: ByMemory | undefined
let own: StepHook | undefined

/**
 * From now on a write on this thread to these regions that the tables forbid throws, in test builds: besides what it
 * watches already. A thread that has a hook of another's is left alone.
 */
export function watchWriters(roles: Role | readonly Role[], regions: readonly Watched[]): void {
  if (!VERIFY) return
  const other = stepHook()
  if (other !== undefined && other !== own) return
  if (watched === undefined || other === undefined) {
    watched = new WeakMap()
    own = hookOf(watched)
    setStepHook(own)
  }
  add(watched, roles, regions)
}

/** The check alone, in every build. */
export function writerHook(roles: Role | readonly Role[], regions: readonly Watched[]): StepHook {
  const map: ByMemory = new WeakMap()
  add(map, roles, regions)
  return hookOf(map)
}

function add(map: ByMemory, roles: Role | readonly Role[], regions: readonly Watched[]): void {
  for (const region of regions) {
    const entries = map.get(region.words.buffer) ?? []
    entries.push({ roles: typeof roles === 'string' ? [roles] : roles, region })
    map.set(region.words.buffer, entries)
  }
}

function hookOf(map: ByMemory): StepHook {
  return (kind, words, index, value, extra) => {
    if (kind === 'load' || kind === 'wait' || kind === 'wake') return undefined
    const entries = map.get(words.buffer)
    if (entries !== undefined) for (const entry of entries) check(entry, kind, words, index, value, extra)
    return undefined
  }
}

function check(entry: Entry, kind: StepKind, words: Int32Array, index: number, value: number, extra: number): void {
  const { layout, baseWord, count = 1, strideWords, words: base, own } = entry.region
  const stride = strideWords === undefined ? layout.size : strideWords * 4
  const byte = words.byteOffset + index * 4 - (base.byteOffset + baseWord * 4)
  if (byte < 0 || byte >= stride * count) return
  const record = Math.floor(byte / stride)
  const at = byte % stride
  for (const field of layout.fields) {
    // One word may hold several small fields; a write covers them all.
    if (field.offset >= at + 4 || field.offset + field.bytes <= at) continue
    const write = { kind, field: field.name, record, before: words[index]!, value, extra }
    if (mayWrite(entry, own, write, field)) continue
    const what = `${layout.name}.${field.name}${count > 1 ? ` of ${record}` : ''}, from ${write.before} to ${value}`
    assert(false, `${entry.roles.join(' and ')} may not ${kind} ${what}: ${rule(field)}`)
  }
}

function mayWrite({ roles, region }: Entry, own: number | undefined, write: Write, { writtenBy }: Field): boolean {
  if (writtenBy === 'lock holder' || writtenBy === 'record holder') return region.holds?.(write) ?? true
  if (writtenBy === 'any') return write.kind !== 'store'
  if (writtenBy === 'once' || !roles.includes(writtenBy)) return false
  return writtenBy !== 'worker' || own === undefined || own === write.record
}

function rule({ writtenBy }: Field): string {
  if (writtenBy === 'any') return 'any thread writes it, by read-modify-write only'
  if (writtenBy === 'once') return 'it is written once, before it is shared'
  if (writtenBy === 'lock holder') return 'only who holds the lock writes it'
  if (writtenBy === 'record holder') return 'only whose the record is writes it, one state after another'
  return `only the ${writtenBy} writes it`
}
