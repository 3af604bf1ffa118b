/**
 * Numbers, booleans, null and undefined as words: the part of their forms that Codec and LongCodec have in common. Runs
 * on the owner and on workers.
 *
 * A value begins with a word: a tag in its low byte, a length or a small number in the rest.
 */

const TAG_UNDEFINED = 0
const TAG_NULL = 1
const TAG_TRUE = 2
const TAG_FALSE = 3
/** The number itself in the upper 24 bits. */
const TAG_SMALL = 4
const TAG_INT = 5
const TAG_DOUBLE = 6
/** Tags from here on are the codecs' own. */
export const TAG_FIRST_OWN = 7

/** The longest takes so many words. */
export const SCALAR_WORDS = 3

/** put() could not: nothing can be said of the words from `at` on. */
export const NO_ROOM = -1

const f64 = new Float64Array(1)
const f64Words = new Int32Array(f64.buffer)

/**
 * Writes what is no string and no object, where there is room for SCALAR_WORDS; returns the word behind it, or NO_ROOM for
 * what has no form here.
 */
export function putScalar(words: Int32Array, at: number, value: unknown): number {
  if (typeof value === 'number') {
    // -0 and what does not fit 32 bits travel as doubles.
    if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
      if ((value << 8) >> 8 === value) {
        words[at] = TAG_SMALL | (value << 8)
        return at + 1
      }
      words[at] = TAG_INT
      words[at + 1] = value
      return at + 2
    }
    words[at] = TAG_DOUBLE
    putDouble(words, at + 1, value)
    return at + 3
  }
  if (value === undefined) words[at] = TAG_UNDEFINED
  else if (value === null) words[at] = TAG_NULL
  else if (typeof value === 'boolean') words[at] = value ? TAG_TRUE : TAG_FALSE
  else return NO_ROOM
  return at + 1
}

/** The value at a word whose tag is below TAG_FIRST_OWN. */
export function getScalar(words: Int32Array, at: number): unknown {
  const word = words[at]!
  switch (word & 255) {
    case TAG_UNDEFINED:
      return undefined
    case TAG_NULL:
      return null
    case TAG_TRUE:
      return true
    case TAG_FALSE:
      return false
    case TAG_SMALL:
      return word >> 8
    case TAG_INT:
      return words[at + 1]
    default:
      return getDouble(words, at + 1)
  }
}

/** How many words it takes, by its tag. */
export function scalarWords(tag: number): number {
  return tag < TAG_INT ? 1 : tag - TAG_INT + 2
}

export function putDouble(words: Int32Array, at: number, value: number): void {
  f64[0] = value
  words[at] = f64Words[0]!
  words[at + 1] = f64Words[1]!
}

export function getDouble(words: Int32Array, at: number): number {
  f64Words[0] = words[at]!
  f64Words[1] = words[at + 1]!
  return f64[0]!
}
