/**
 * The arguments of readFile, writeFile and appendFile in the plain form. Any thread.
 *
 * Counterpart: getOptions of lib/internal/fs/utils.js.
 */
import { Buffer } from '../lib/globals.js'
import { bytesOf, lengthOf } from '../lib/views.js'
import { isPlainEncoding, isPlainSignal, isPlainView, plainFlags, plainMode, plainOptions } from './plain.js'
import type { Reading, Writing } from './whole.js'

const READ = ['encoding', 'flag', 'signal'] as const
const WRITE = ['encoding', 'flag', 'mode', 'flush', 'signal'] as const

/** Undefined if they are not plain. */
export function readingOf(options: unknown): Reading | undefined {
  const given = optionsOf(options, READ)
  if (given === undefined) return undefined
  const { encoding, flag, signal } = given
  const flags = plainFlags(flag ?? undefined)
  if (flags === undefined || typeof flag === 'number' || !isPlainEncoding(encoding) || !isPlainSignal(signal))
    return undefined
  return { encoding: encoding ?? undefined, flags, signal }
}

export function writingOf(
  options: unknown,
  flag: 'w' | 'a',
): (Writing & { readonly encoding: BufferEncoding }) | undefined {
  const given = optionsOf(options, WRITE)
  if (given === undefined) return undefined
  const { encoding, flush = false, signal } = given
  const flags = plainFlags(given['flag'] ?? flag)
  const mode = plainMode(given['mode'] ?? undefined, 0o666)
  if (flags === undefined || typeof given['flag'] === 'number' || mode === undefined) return undefined
  if (typeof flush !== 'boolean' || !isPlainEncoding(encoding) || !isPlainSignal(signal)) return undefined
  return { flags, mode, flush, signal, encoding: encoding ?? 'utf8' }
}

/** A string names an encoding. */
function optionsOf(options: unknown, names: readonly string[]): Record<string, unknown> | undefined {
  if (typeof options === 'string') return { encoding: options }
  return options === null ? {} : plainOptions(options, names)
}

/** More is not copied: Node writes it piece by piece. */
const MOST_BYTES = 16 * 1024 * 1024

/** The bytes to be written, in memory that nobody else knows. Undefined if the data is not plain. */
export function dataOf(data: unknown, encoding: BufferEncoding): Uint8Array | undefined {
  if (typeof data === 'string') return data.length > MOST_BYTES ? undefined : Buffer.from(data, encoding)
  return isPlainView(data) && lengthOf(data) <= MOST_BYTES ? Buffer.from(bytesOf(data)) : undefined
}
