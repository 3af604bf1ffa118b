/**
 * Command-line arguments as bytes. The main thread runs it.
 *
 * Node decodes arguments as UTF-8, which loses the bytes of a name that is something else; the kernel still has them.
 */
import { readFileSync } from 'node:fs'
import { Buffer } from '../lib/globals.js'

let raw: string[] | undefined

/** A text as a byte string (one character a byte, latin1), the form names have inside. */
export function byteString(text: string): string {
  if (text.includes('\ufffd')) {
    raw ??= readFileSync('/proc/self/cmdline', 'latin1').split('\0')
    const found = raw.find((bytes) => Buffer.from(bytes, 'latin1').toString() === text)
    // Each argument stands for itself, so that two which decode alike stay two.
    if (found !== undefined) {
      raw.splice(raw.indexOf(found), 1)
      return found
    }
  }
  return Buffer.from(text).toString('latin1')
}
