/**
 * Calls of C functions from JavaScript. Any thread; each thread loads its own provider.
 *
 * This package's addon, which has a binary for Linux on x64 and arm64, makes the calls; elsewhere koffi, an optional
 * dependency, does. If neither loads, `ffi()` throws ERR_URING_NO_FFI with the reasons in words; code that works
 * without FFI asks `ffiProblem()` first. A failure that may pass, such as no descriptor to open a file with, is not
 * kept and has its own code: that call fails, and the next one tries again. Code above this folder never calls FFI
 * itself. Counterpart: none.
 */
import { builtin } from '../lib/builtin.js'
import { EMFILE, ENFILE, ENOMEM, errnoError } from '../lib/errno.js'
import { withProps } from '../lib/error-props.js'
import { process } from '../lib/globals.js'
import { perThread } from '../lib/per-thread.js'
import { loadAddon } from './addon.js'
import type { Ffi } from './c-function.js'
import { loadKoffi } from './koffi.js'

/** A thread's provider, and if it is not the addon, why. */
interface Found {
  readonly ffi: Ffi
  readonly addonProblem: string | undefined
}

let found: Found | undefined
let problem: string | undefined

/** Sets the provider or the problem. Throws a failure that may pass. */
function load(): void {
  if (found === undefined && problem === undefined) found = perThread<Found | undefined>('ffi', find)
}

function find(): Found | undefined {
  let addonProblem: string | undefined
  // Tests select either provider.
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

/** The first line of an error's message, without its full stop. Throws an error that may pass. */
function reasonOf(error: unknown): string {
  const { message, code } = error as Error & { code?: string }
  if (code === 'ERR_DLOPEN_DISABLED') return `${message.replace(/\.$/, '')}: Node wants --allow-addons`
  const errno = shortage(message)
  if (errno !== 0) throw errnoError(-errno, 'dlopen')
  return message.split('\n', 1).join('').replace(/\.$/, '')
}

const SHORTAGES: Readonly<Record<string, number>> = { EMFILE, ENFILE, ENOMEM }

/** The errno of the resource that the process lacked; 0 if it lacked none. The loader of libraries has words alone. */
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

/**
 * The provider. Throws an Error with code ERR_URING_NO_FFI if there is none, and EMFILE or the like if there is none
 * now.
 */
export function ffi(): Ffi {
  load()
  if (found === undefined) {
    throw withProps(new Error(`${problem}. Rings need one of them; the Pool does not.`), {
      code: 'ERR_URING_NO_FFI',
    })
  }
  return found.ffi
}

/** Why there is no FFI here, in words; undefined if there is. */
export function ffiProblem(): string | undefined {
  try {
    load()
    return problem
  } catch (error) {
    return (error as Error).message
  }
}

/** Why the addon is not the provider; undefined if it is, or if there is no provider. */
export function addonProblem(): string | undefined {
  return found?.addonProblem
}
