/**
 * This package's own addon, native/uring_ffi.c, calls C functions. Any thread; each thread loads the addon.
 *
 * A thread may be ended while it is in here. The addon keeps nothing for a thread but the list of atEnd(), and it
 * accepts every refusal of Node's to an ending thread. Counterpart: native/uring_ffi.c.
 */
import { builtin } from '../lib/builtin.js'
import { process, URL } from '../lib/globals.js'
import type { CFunction, Ffi } from './c-function.js'

interface Addon {
  func(symbol: string, returnsLong: boolean): CFunction | undefined
  symbolAddress(symbol: string): number
  address(view: Uint8Array): number
  view(address: number, lengthBytes: number): ArrayBuffer | undefined
  atEnd(list: number): number | undefined
}

function addonFile(): string {
  const name = `${process.platform}-${process.arch}.node`
  return builtin('node:url').fileURLToPath(new URL(name, new URL('../../native/', import.meta.url)))
}

/** Whether this package has a binary for the machine, and the environment allows it. */
export function hasAddon(): boolean {
  return process.env['URING_FFI'] !== 'koffi' && builtin('node:fs').existsSync(addonFile())
}

/** Throws the loader's error if this package has no binary for the machine, or Node may not load it. */
export function loadAddon(): Ffi {
  const module = { exports: {} as Addon }
  process.dlopen(module, addonFile())
  const { func, symbolAddress, address, view, atEnd } = module.exports
  return {
    provider: `uring_ffi ${process.platform}-${process.arch}`,
    func: (symbol, result) => func(symbol, result === 'long'),
    symbolAddress,
    address,
    atEnd: (list) => atEnd(list) === 0,
    view(at, lengthBytes) {
      const buffer = view(at, lengthBytes)
      if (buffer === undefined)
        throw new Error('this JavaScript engine does not take foreign memory for an ArrayBuffer')
      return buffer
    },
  }
}
