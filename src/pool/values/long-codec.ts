/**
 * Plain values too long for a job's record, up to 16 KiB: objects with many properties, rows of them. Runs on the owner
 * and on workers, each with its own.
 *
 *   | bytes of text | bytes of words | words: tags, numbers, shapes | text: the characters of all strings |
 *
 * V8's serialiser spells out each object's keys, and reads them one by one. Here an object's keys are its shape: written
 * once a message, compared at the other end with those seen before, and an object of a known shape is a copy of a template
 * with its values put in. All text is read in one piece and cut up. Refuses what it has no form for (NO_ROOM), as Codec
 * does. No counterpart.
 */
import { Buffer } from '../../lib/globals.js'
import { getScalar, NO_ROOM, putScalar, SCALAR_WORDS, scalarWords, TAG_FIRST_OWN } from './scalars.js'
import { isDense, isPlainObject, isProxy, VIEW_CLASSES, viewType } from './shape.js'

/** The upper 24 bits are a length; so many characters are next in the text. */
const TAG_LATIN1 = TAG_FIRST_OWN
const TAG_UTF16 = 8
const TAG_ARRAY = 9
/** Number of keys; then the hash and the length of their names, and the names with zeros between. */
const TAG_OBJECT = 10
/** Of the shape that this message had as its nth. */
const TAG_LIKE = 11
const TAG_VIEW = 12

const MAX_BYTES = 16_384
const MAX_WORDS = MAX_BYTES >> 2
const HEADER_WORDS = 2
const MAX_DEPTH = 16
/** V8 copies longer ones faster than a loop. */
const MAX_STRING = 1024
const MAX_VIEW = 1024
/** Strings cut from a text keep all of it alive: of a longer text each is read alone. */
const MAX_SHARED_TEXT = 4096
const MAX_KEYS = 512
/** After values that it was not for, 1, 3, 7, 15 are refused without a look. */
const MAX_SKIPPED = 15
/** Shapes remembered, either way. */
const MAX_SHAPES = 512

/** The keys of objects, in their order. */
interface Shape {
  readonly keys: readonly string[]
  /** Their names with zeros between, padded with zeros. */
  readonly words: Int32Array
  readonly nameBytes: number
  readonly hash: number
  /** Has them all, and no values: a copy of it is made faster than an object is built. */
  readonly template: Readonly<Record<string, unknown>>
}

function shapeOf(keys: readonly string[], names: Buffer): Shape {
  const words = new Int32Array((names.length + 3) >> 2)
  Buffer.from(words.buffer).set(names)
  let hash = keys.length
  for (const word of words) hash = (Math.imul(hash, 31) + word) | 0
  return { keys, words, nameBytes: names.length, hash, template: templateOf(keys) }
}

/** Made by JSON.parse, which V8 gives its fast form; an object that gets so many keys one by one becomes a hash table. */
function templateOf(keys: readonly string[]): Record<string, unknown> {
  const text = `{${keys.map((key) => `${JSON.stringify(key)}:null`).join()}}`
  const first = JSON.parse(text) as Record<string, unknown>
  // Values of all kinds are to fit its fields; the next one made has such fields from the start.
  for (const value of [0, 0.5, '']) for (const key of keys) first[key] = value
  return JSON.parse(text) as Record<string, unknown>
}

export class LongCodec {
  readonly #words = new Int32Array(MAX_WORDS)
  /** What put() wrote, from the start. */
  readonly bytes: Buffer = Buffer.from(this.#words.buffer)
  readonly #text = new Uint8Array(MAX_BYTES)
  #nrText = 0
  readonly #met = new Set<object>()
  /** Shapes written in this message. */
  readonly #used: Shape[] = []
  /** Shapes for writing, by the number of keys. */
  #ours: Shape[][] = []
  #nrOurs = 0
  /** Shapes read, by hash. */
  readonly #theirs = new Map<number, Shape>()

  #isPutting = false
  #skipped = 0
  #toSkip = 0

  #from: Int32Array = new Int32Array(0)
  #fromBytes: Buffer = Buffer.alloc(0)
  #pos = 0
  #wholeText: string | undefined
  #textAt = 0
  readonly #seen: Shape[] = []

  /** Writes a value; returns how many bytes of `bytes` it took, or NO_ROOM. Throws what getters throw. */
  put(value: unknown): number {
    // A getter within the value gave a job of its own.
    if (this.#isPutting) return NO_ROOM
    if (this.#toSkip > 0) {
      this.#toSkip--
      return NO_ROOM
    }
    this.#isPutting = true
    this.#nrText = 0
    this.#used.length = 0
    let next = NO_ROOM
    try {
      next = this.#put(HEADER_WORDS, value, 0)
    } finally {
      this.#isPutting = false
      if (this.#met.size > 0) this.#met.clear()
    }
    const size = next * 4 + this.#nrText
    if (next === NO_ROOM || size > MAX_BYTES) {
      this.#skipped = Math.min(2 * this.#skipped + 1, MAX_SKIPPED)
      this.#toSkip = this.#skipped
      return NO_ROOM
    }
    this.#skipped = 0
    this.#words[0] = this.#nrText
    this.#words[1] = next * 4
    if (this.#nrText > 0) this.bytes.set(this.#text.subarray(0, this.#nrText), next * 4)
    return size
  }

  /** Reads a value from the byte `from` on, which is a multiple of 4. `words` and `bytes` are one memory. */
  get(words: Int32Array, bytes: Buffer, from: number): unknown {
    const at = from >> 2
    const textFrom = from + words[at + 1]!
    const textEnd = textFrom + words[at]!
    this.#from = words
    this.#fromBytes = bytes
    this.#pos = at + HEADER_WORDS
    this.#wholeText = undefined
    this.#textAt = textFrom
    if (textEnd - textFrom <= MAX_SHARED_TEXT) {
      this.#wholeText = bytes.toString('latin1', textFrom, textEnd)
      this.#textAt = 0
    }
    this.#seen.length = 0
    return this.#get()
  }

  #put(at: number, value: unknown, depth: number): number {
    if (at + SCALAR_WORDS > MAX_WORDS) return NO_ROOM
    if (typeof value === 'string') return this.#putString(at, value)
    if (typeof value === 'object' && value !== null) return this.#putObject(at, value, depth)
    return putScalar(this.#words, at, value)
  }

  #putString(at: number, value: string): number {
    const { length } = value
    if (length > MAX_STRING || this.#nrText + length > MAX_BYTES) return NO_ROOM
    const text = this.#text
    const from = this.#nrText
    for (let i = 0; i < length; i++) {
      const c = value.charCodeAt(i)
      if (c > 255) return this.#putUtf16(at, value)
      text[from + i] = c
    }
    this.#nrText = from + length
    this.#words[at] = TAG_LATIN1 | (length << 8)
    return at + 1
  }

  #putUtf16(at: number, value: string): number {
    const next = at + 1 + ((value.length + 1) >> 1)
    if (next > MAX_WORDS) return NO_ROOM
    this.bytes.write(value, (at + 1) * 4, 'utf16le')
    this.#words[at] = TAG_UTF16 | (value.length << 8)
    return next
  }

  #putObject(at: number, value: object, depth: number): number {
    // Structured cloning keeps identity, this does not.
    if (depth === MAX_DEPTH || this.#met.has(value) || isProxy(value)) return NO_ROOM
    this.#met.add(value)
    if (Array.isArray(value)) return this.#putArray(at, value, depth)
    if (isPlainObject(value)) return this.#putPlain(at, value, depth)
    return ArrayBuffer.isView(value) ? this.#putView(at, value) : NO_ROOM
  }

  #putArray(at: number, value: unknown[], depth: number): number {
    const { length } = value
    if (at + 1 + length > MAX_WORDS || !isDense(value)) return NO_ROOM
    if (Object.getPrototypeOf(value) !== Array.prototype) return NO_ROOM
    this.#words[at] = TAG_ARRAY | (length << 8)
    let next = at + 1
    for (let i = 0; i < length && next !== NO_ROOM; i++) next = this.#put(next, value[i], depth + 1)
    return next
  }

  #putPlain(at: number, value: Record<string, unknown>, depth: number): number {
    const shape = this.#shapeFor(Object.keys(value))
    if (shape === undefined) return NO_ROOM
    const { keys } = shape
    const nth = this.#used.indexOf(shape)
    let next = at + 1
    if (nth >= 0) {
      this.#words[at] = TAG_LIKE | (nth << 8)
    } else {
      this.#used.push(shape)
      if (at + 3 + shape.words.length > MAX_WORDS) return NO_ROOM
      this.#words[at] = TAG_OBJECT | (keys.length << 8)
      this.#words[at + 1] = shape.hash
      this.#words[at + 2] = shape.nameBytes
      this.#words.set(shape.words, at + 3)
      next = at + 3 + shape.words.length
    }
    for (let i = 0; i < keys.length && next !== NO_ROOM; i++) next = this.#put(next, value[keys[i]!], depth + 1)
    return next
  }

  #shapeFor(keys: string[]): Shape | undefined {
    const { length } = keys
    if (length > MAX_KEYS) return undefined
    const known = this.#ours[length]
    if (known !== undefined) {
      for (const shape of known) {
        let i = 0
        while (i < length && shape.keys[i] === keys[i]) i++
        if (i === length) return shape
      }
    }
    // Assigning __proto__ would set the prototype.
    if (keys.includes('__proto__') || keys.some((key) => key.includes('\0'))) return undefined
    const joined = keys.join('\0')
    const names = Buffer.from(joined, 'latin1')
    if (names.toString('latin1') !== joined) return undefined
    if (this.#nrOurs++ === MAX_SHAPES) {
      this.#ours = []
      this.#nrOurs = 1
    }
    const shape = shapeOf(keys, names)
    const shapes = this.#ours[length] ?? []
    this.#ours[length] = shapes
    shapes.push(shape)
    return shape
  }

  #putView(at: number, view: ArrayBufferView): number {
    const type = viewType(view)
    const { byteLength } = view
    const next = at + 1 + ((byteLength + 3) >> 2)
    if (type < 0 || byteLength > MAX_VIEW || next > MAX_WORDS || view.buffer instanceof SharedArrayBuffer)
      return NO_ROOM
    this.#words[at] = TAG_VIEW | (type << 8) | (byteLength << 16)
    this.bytes.set(new Uint8Array(view.buffer, view.byteOffset, byteLength), (at + 1) * 4)
    return next
  }

  #get(): unknown {
    const words = this.#from
    const at = this.#pos++
    const word = words[at]!
    const tag = word & 255
    if (tag < TAG_FIRST_OWN) {
      this.#pos = at + scalarWords(tag)
      return getScalar(words, at)
    }
    const length = word >>> 8
    switch (tag) {
      case TAG_LATIN1: {
        const from = this.#textAt
        this.#textAt = from + length
        const whole = this.#wholeText
        if (whole !== undefined) return whole.substring(from, from + length)
        return this.#fromBytes.toString('latin1', from, from + length)
      }
      case TAG_UTF16: {
        const from = (at + 1) << 2
        this.#pos = at + 1 + ((length + 1) >> 1)
        return this.#fromBytes.toString('utf16le', from, from + 2 * length)
      }
      case TAG_ARRAY: {
        const values: unknown[] = []
        for (let i = 0; i < length; i++) values.push(this.#get())
        return values
      }
      case TAG_VIEW: {
        const byteLength = word >>> 16
        const from = (at + 1) << 2
        this.#pos = at + 1 + ((byteLength + 3) >> 2)
        const copy = new Uint8Array(byteLength)
        copy.set(this.#fromBytes.subarray(from, from + byteLength))
        return VIEW_CLASSES[length & 255]!.over(copy.buffer, 0, byteLength)
      }
      default:
        return this.#getObject(tag === TAG_LIKE ? this.#seen[length]! : this.#getShape(at, length))
    }
  }

  #getObject({ keys, template }: Shape): Record<string, unknown> {
    const object: Record<string, unknown> = { ...template }
    for (let i = 0; i < keys.length; i++) object[keys[i]!] = this.#get()
    return object
  }

  #getShape(at: number, nrKeys: number): Shape {
    const words = this.#from
    const hash = words[at + 1]!
    const nameBytes = words[at + 2]!
    const from = at + 3
    this.#pos = from + ((nameBytes + 3) >> 2)
    let shape = this.#theirs.get(hash)
    if (shape === undefined || shape.keys.length !== nrKeys || !isAt(shape, words, from, nameBytes)) {
      const names = Buffer.from(this.#fromBytes.subarray(from << 2, (from << 2) + nameBytes))
      shape = shapeOf(nrKeys === 0 ? [] : names.toString('latin1').split('\0'), names)
      if (this.#theirs.size === MAX_SHAPES) this.#theirs.clear()
      this.#theirs.set(hash, shape)
    }
    this.#seen.push(shape)
    return shape
  }
}

function isAt(shape: Shape, words: Int32Array, from: number, nameBytes: number): boolean {
  if (shape.nameBytes !== nameBytes) return false
  for (let i = 0; i < shape.words.length; i++) if (shape.words[i] !== words[from + i]) return false
  return true
}
