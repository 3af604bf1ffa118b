/**
 * How C functions are called from JavaScript. Any thread; each thread loads what it calls by.
 *
 * By the addon of this package, which has a binary for Linux on x64 and arm64; elsewhere by koffi, an optional dependency.
 * Where neither loads, `ffi()` throws ERR_URING_NO_FFI with the reasons in words; whoever can do without asks
 * `ffiProblem()` first. What may pass, such as no descriptor to open a file with, is neither kept nor called so: it is
 * the error of that call, and the next one tries again. Nothing above this folder calls FFI itself. Counterpart: none.
 */
import { builtin } from '../lib/builtin.js'
import { EMFILE, ENFILE, ENOMEM, errnoError } from '../lib/errno.js'
import { withProps } from '../lib/error-props.js'
import { process } from '../lib/globals.js'
import { perThread } from '../lib/per-thread.js'
import { loadAddon } from './addon.js'
import { loadKoffi } from './koffi.js'

/**
 * C types as this library needs them. Addresses travel as numbers: user space ends below 2^47, doubles
 * are exact to 2^53.
 */
export type CType = 'int' | 'uint' | 'long' | 'size'

/** Returns what the C function returns, or -errno where that is -1. */
export type CFunction = (...args: number[]) => number

export interface Ffi {
  /** What calls, for people. */
  readonly provider: string
  /** A function of the process (libc), or undefined where it has no such symbol. */
  func(symbol: string, result: 'int' | 'long', args: readonly CType[]): CFunction | undefined
  /** The address of a symbol's code or data, or 0. */
  symbolAddress(symbol: string): number
  /** Address of the first byte of an array's memory. */
  address(view: Uint8Array): number
  /** Foreign memory as an ArrayBuffer. Neither freed nor kept alive by it. */
  view(address: number, lengthBytes: number): ArrayBuffer
  /** Has the list at an address given back when this thread ends, in whatever way. True if it will be. */
  atEnd?(list: number): boolean
}

/** What a thread calls by, and why that is not the addon where it is not. */
interface Found {
  readonly ffi: Ffi
  readonly addonProblem: string | undefined
}

let found: Found | undefined
let problem: string | undefined

/** Either is set afterwards. Throws what may pass. */
function load(): void {
  if (found === undefined && problem === undefined) found = perThread<Found | undefined>('ffi', find)
}

function find(): Found | undefined {
  let addonProblem: string | undefined
  // So that tests can have either.
  const asked = process.env['URING_FFI']
  if (asked === 'koffi') addonProblem = 'URING_FFI=koffi'
  else {
    try {
      return { ffi: loadAddon(), addonProblem }
    } catch (error) {
      addonProblem = `the addon of this package cannot load: ${reasonOf(error)}`
    }
  }
  try {
    return { ffi: loadKoffi(), addonProblem }
  } catch (error) {
    problem = `${addonProblem}; nor can koffi, an optional package: ${reasonOf(error)}`
    return undefined
  }
}

/** What may pass is thrown; the first line of anything else, without its full stop. */
function reasonOf(error: unknown): string {
  const { message, code } = error as Error & { code?: string }
  if (code === 'ERR_DLOPEN_DISABLED') return `${message.replace(/\.$/, '')}: Node wants --allow-addons`
  const errno = shortage(message)
  if (errno !== 0) throw errnoError(-errno, 'dlopen')
  return message.split('\n', 1).join('').replace(/\.$/, '')
}

const SHORTAGES: Readonly<Record<string, number>> = { EMFILE, ENFILE, ENOMEM }

/** What the process had too little of; 0 if it was not that. The loader of libraries tells in words, require() not at all. */
function shortage(message: string): number {
  if (/cannot allocate memory/i.test(message)) return ENOMEM
  const fs = builtin('node:fs')
  try {
    fs.closeSync(fs.openSync('/dev/null', 'r'))
    return /too many open files/i.test(message) ? EMFILE : 0
  } catch (error) {
    return SHORTAGES[(error as { code?: string }).code ?? ''] ?? 0
  }
}

/** What calls. Throws an Error with code ERR_URING_NO_FFI where nothing can, and EMFILE or the like where not now. */
export function ffi(): Ffi {
  load()
  if (found === undefined) {
    throw withProps(new Error(`${problem}. Rings need one of them; the Pool does not.`), {
      code: 'ERR_URING_NO_FFI',
    })
  }
  return found.ffi
}

/** Why there is no FFI here, in words; undefined where there is. */
export function ffiProblem(): string | undefined {
  try {
    load()
    return problem
  } catch (error) {
    return (error as Error).message
  }
}

/** Why it is not the addon that calls; undefined where it is, or nothing does. */
export function addonProblem(): string | undefined {
  return found?.addonProblem
}
