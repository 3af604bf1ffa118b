/**
 * Small values, written straight into a job's record. Runs on the owner and on workers, each with its own Codec.
 *
 * A value is a word with a tag (low byte) and a length or a small number (the rest), then its data. What has no place
 * here (too big, too deep, a shape that structured cloning treats in its own way, one object met twice) is refused with
 * NO_ROOM, and the caller serialises it instead. No counterpart.
 */
import { Buffer } from '../../lib/globals.js'
import { privateCopy } from './copies.js'
import {
  getDouble,
  getScalar,
  NO_ROOM,
  putDouble,
  putScalar,
  SCALAR_WORDS,
  scalarWords,
  TAG_FIRST_OWN,
} from './scalars.js'
import { define, isDense, isPlainObject, isProxy, VIEW_CLASSES, viewType } from './shape.js'

/** Characters below 256, one byte each. */
const TAG_LATIN1 = TAG_FIRST_OWN
const TAG_UTF16 = 8
const TAG_ARRAY = 9
const TAG_OBJECT = 10
/** Bytes above the tag: type of view, then length in bytes. */
const TAG_VIEW = 11
const TAG_SAB = 12
const TAG_SAB_VIEW = 13
/** As TAG_VIEW, its bytes elsewhere: a word with their place, a word with their length. */
const TAG_FAR_VIEW = 14

const MAX_DEPTH = 5
/** Names that objects inherit are no shorter, as they were at the start: to look for each costs what its value does. */
const SHORTEST_INHERITED = Math.min(...Object.getOwnPropertyNames(Object.prototype).map((name) => name.length))
const MAX_STRING = 208
/** Below this a loop beats a call into C++. */
const LOOP_CHARS = 10

/** SharedArrayBuffers by number: the owner gives numbers out, workers look them up. */
export interface SharedBuffers {
  /** The buffer's number, or NO_ROOM where this side has none to give. */
  idOf(sab: SharedArrayBuffer): number
  byId(id: number): SharedArrayBuffer
}

/** Where a view's bytes go that do not fit the record; one view of each value, or of each list of arguments. */
export interface FarBytes {
  /** Copies them; returns their place, -1 if there is none. `base` is the word at which the values began. */
  put(base: number, bytes: Uint8Array): number
  /** What lies there, uncopied. */
  view(place: number, length: number): Uint8Array
}

const NO_FAR: FarBytes = {
  put: () => -1,
  view() {
    throw new Error('there are no far views here')
  },
}

export class Codec {
  readonly words: Int32Array
  readonly bytes: Buffer
  readonly #shared: SharedBuffers
  readonly #far: FarBytes
  /** The word at which the values being written began; -1 once a view of theirs went far, or where none may. */
  #farBase = -1
  #pos = 0
  /** Objects met in this value: structured cloning keeps identity, this codec does not. */
  readonly #met: unknown[] = []
  #nrMet = 0
  /** Where those of this value begin: a getter among them may have another written in between. */
  #metFrom = 0

  constructor(words: Int32Array, shared: SharedBuffers, far: FarBytes = NO_FAR) {
    this.words = words
    this.#far = far
    this.bytes = Buffer.from(words.buffer as ArrayBuffer, words.byteOffset, words.byteLength)
    this.#shared = shared
  }

  /** Writes one value at a word; returns the word behind it, or NO_ROOM. */
  put(at: number, end: number, value: unknown): number {
    if (typeof value !== 'object') return this.#putValue(at, end, value, 0)
    const outer = this.#metFrom
    this.#metFrom = this.#nrMet
    this.#farBase = at
    try {
      return this.#putValue(at, end, value, 0)
    } finally {
      this.#forget(outer)
    }
  }

  /** Writes several; returns the word behind the last, or NO_ROOM. */
  putAll(at: number, end: number, values: readonly unknown[]): number {
    const outer = this.#metFrom
    this.#metFrom = this.#nrMet
    this.#farBase = at
    let next = at
    try {
      for (let i = 0; i < values.length && next !== NO_ROOM; i++) next = this.#putValue(next, end, values[i], 0)
    } finally {
      this.#forget(outer)
    }
    return next
  }

  /** What was written is not to live on for that. */
  #forget(outer: number): void {
    while (this.#nrMet > this.#metFrom) this.#met[--this.#nrMet] = undefined
    this.#metFrom = outer
  }

  get(at: number): unknown {
    this.#pos = at
    return this.#getValue()
  }

  getAll(at: number, count: number): unknown[] {
    this.#pos = at
    const values: unknown[] = []
    for (let i = 0; i < count; i++) values.push(this.#getValue())
    return values
  }

  #putValue(at: number, end: number, value: unknown, depth: number): number {
    if (at + SCALAR_WORDS > end) return NO_ROOM
    if (typeof value === 'string') return this.#putString(at, end, value)
    if (typeof value === 'object' && value !== null) return this.#putObject(at, end, value, depth)
    return putScalar(this.words, at, value)
  }

  #putString(at: number, end: number, value: string): number {
    const { length } = value
    if (length > MAX_STRING || at + 1 + ((length + 3) >> 2) > end) return NO_ROOM
    const { bytes } = this
    const from = (at + 1) << 2
    for (let i = 0; i < length; i++) {
      const c = value.charCodeAt(i)
      if (c > 255) return this.#putUtf16(at, end, value)
      bytes[from + i] = c
    }
    this.words[at] = TAG_LATIN1 | (length << 8)
    return at + 1 + ((length + 3) >> 2)
  }

  #putUtf16(at: number, end: number, value: string): number {
    const next = at + 1 + ((value.length + 1) >> 1)
    if (next > end) return NO_ROOM
    const { bytes } = this
    const from = (at + 1) << 2
    for (let i = 0; i < value.length; i++) {
      const c = value.charCodeAt(i)
      bytes[from + 2 * i] = c
      bytes[from + 2 * i + 1] = c >> 8
    }
    this.words[at] = TAG_UTF16 | (value.length << 8)
    return next
  }

  #putObject(at: number, end: number, value: object, depth: number): number {
    // Structured cloning refuses proxies, so they are left to it.
    if (depth === MAX_DEPTH || isProxy(value)) return NO_ROOM
    if (ArrayBuffer.isView(value)) return this.#putView(at, end, value)
    if (value instanceof SharedArrayBuffer) {
      const id = this.#shared.idOf(value)
      if (id === NO_ROOM) return NO_ROOM
      this.words[at] = TAG_SAB
      this.words[at + 1] = id
      return at + 2
    }
    for (let i = this.#metFrom; i < this.#nrMet; i++) if (this.#met[i] === value) return NO_ROOM
    this.#met[this.#nrMet++] = value
    if (Array.isArray(value)) return this.#putArray(at, end, value, depth)
    return isPlainObject(value) ? this.#putPlain(at, end, value, depth) : NO_ROOM
  }

  #putArray(at: number, end: number, value: unknown[], depth: number): number {
    const { length } = value
    if (at + 1 + length > end || !isDense(value)) return NO_ROOM
    if (Object.getPrototypeOf(value) !== Array.prototype) return NO_ROOM
    this.words[at] = TAG_ARRAY | (length << 8)
    let next = at + 1
    for (let i = 0; i < length; i++) {
      next = this.#putValue(next, end, value[i], depth + 1)
      if (next === NO_ROOM) return NO_ROOM
    }
    return next
  }

  #putPlain(at: number, end: number, value: Record<string, unknown>, depth: number): number {
    const keys = Object.keys(value)
    this.words[at] = TAG_OBJECT | (keys.length << 8)
    let next = at + 1
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!
      // Assigning it would set the prototype.
      if (key === '__proto__') return NO_ROOM
      next = this.#putString(next, end, key)
      if (next !== NO_ROOM) next = this.#putValue(next, end, value[key], depth + 1)
      if (next === NO_ROOM) return NO_ROOM
    }
    return next
  }

  #putView(at: number, end: number, view: ArrayBufferView): number {
    const { words } = this
    const type = viewType(view)
    if (type < 0) return NO_ROOM
    const { byteLength, buffer } = view
    if (buffer instanceof SharedArrayBuffer) {
      const id = at + 6 > end ? NO_ROOM : this.#shared.idOf(buffer)
      if (id === NO_ROOM) return NO_ROOM
      words[at] = TAG_SAB_VIEW | (type << 8)
      words[at + 1] = id
      putDouble(words, at + 2, view.byteOffset)
      putDouble(words, at + 4, byteLength)
      return at + 6
    }
    const next = at + 1 + Math.ceil(byteLength / 4)
    if (next > end) return this.#putFar(at, type, new Uint8Array(buffer, view.byteOffset, byteLength))
    words[at] = TAG_VIEW | (type << 8) | (byteLength << 16)
    this.bytes.set(new Uint8Array(buffer, view.byteOffset, byteLength), (at + 1) << 2)
    return next
  }

  #putFar(at: number, type: number, bytes: Uint8Array): number {
    const base = this.#farBase
    this.#farBase = -1
    const place = base < 0 ? -1 : this.#far.put(base, bytes)
    if (place < 0) return NO_ROOM
    this.words[at] = TAG_FAR_VIEW | (type << 8)
    this.words[at + 1] = place
    this.words[at + 2] = bytes.length
    return at + 3
  }

  #getValue(): unknown {
    const { words } = this
    const at = this.#pos
    const word = words[at]!
    const tag = word & 255
    if (tag < TAG_FIRST_OWN) {
      this.#pos = at + scalarWords(tag)
      return getScalar(words, at)
    }
    const length = word >>> 8
    switch (tag) {
      case TAG_LATIN1:
      case TAG_UTF16:
        return this.#getString(at)
      case TAG_ARRAY: {
        this.#pos = at + 1
        const values: unknown[] = []
        for (let i = 0; i < length; i++) values.push(this.#getValue())
        return values
      }
      case TAG_OBJECT: {
        this.#pos = at + 1
        const object: Record<string, unknown> = {}
        for (let i = 0; i < length; i++) {
          const key = this.#getString(this.#pos)
          const value = this.#getValue()
          // What objects inherit may be frozen, or have a setter.
          if (key.length >= SHORTEST_INHERITED && key in object) define(object, key, value)
          else object[key] = value
        }
        return object
      }
      case TAG_VIEW:
        return this.#getView(at)
      case TAG_FAR_VIEW:
        return this.#getFarView(at, length)
      case TAG_SAB:
        this.#pos = at + 2
        return this.#shared.byId(words[at + 1]!)
      default:
        return this.#getSharedView(at, length)
    }
  }

  #getString(at: number): string {
    const { bytes } = this
    const word = this.words[at]!
    const length = word >>> 8
    const from = (at + 1) << 2
    if ((word & 255) === TAG_UTF16) {
      this.#pos = at + 1 + ((length + 1) >> 1)
      return bytes.toString('utf16le', from, from + 2 * length)
    }
    this.#pos = at + 1 + ((length + 3) >> 2)
    if (length > LOOP_CHARS) return bytes.toString('latin1', from, from + length)
    let text = ''
    for (let i = 0; i < length; i++) text += String.fromCharCode(bytes[from + i]!)
    return text
  }

  #getFarView(at: number, type: number): ArrayBufferView {
    this.#pos = at + 3
    const byteLength = this.words[at + 2]!
    const copy = privateCopy(this.#far.view(this.words[at + 1]!, byteLength))
    return VIEW_CLASSES[type]!.over(copy, 0, byteLength)
  }

  #getSharedView(at: number, type: number): ArrayBufferView {
    const { words } = this
    this.#pos = at + 6
    const sab = this.#shared.byId(words[at + 1]!)
    return VIEW_CLASSES[type]!.over(sab, getDouble(words, at + 2), getDouble(words, at + 4))
  }

  #getView(at: number): ArrayBufferView {
    const word = this.words[at]!
    const byteLength = word >>> 16
    const from = (at + 1) << 2
    this.#pos = at + 1 + ((byteLength + 3) >> 2)
    const copy = new Uint8Array(byteLength)
    copy.set(this.bytes.subarray(from, from + byteLength))
    return VIEW_CLASSES[(word >>> 8) & 255]!.over(copy.buffer, 0, byteLength)
  }
}
