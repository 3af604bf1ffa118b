/**
 * koffi calls C functions where the addon has no binary. Any thread; each thread loads koffi.
 *
 * koffi is an optional dependency with binaries of its own. If a thread is ended while koffi loads, binds a function or
 * makes a view, the process crashes: gate.ts prevents that. Counterpart: none.
 */
import { requireHere } from '../lib/builtin.js'
import type { CFunction, CType, Ffi } from './c-function.js'
import { inside } from './gate.js'

interface KoffiLibrary {
  func(name: string, result: string, args: string[]): CFunction
  symbol(name: string, type: string): unknown
}
interface Koffi {
  load(path: null): KoffiLibrary
  config(options: { sync_stack_size: number; sync_heap_size: number }): unknown
  errno(): number
  address(value: unknown): bigint
  view(address: number, length: number): ArrayBuffer
  readonly version: string
}

const KOFFI_TYPE: Readonly<Record<CType, string>> = {
  int: 'int',
  uint: 'unsigned int',
  long: 'int64_t',
  size: 'int64_t',
}

/** Stack of a call: unless told otherwise, koffi reserves 3 MiB of each thread for good. */
const CALL_BYTES = 65536

/** Throws require()'s error if koffi is not installed, or koffi's own if it has no binary. */
export function loadKoffi(): Ffi {
  return inside(load)
}

function load(): Ffi {
  const koffi = requireHere('koffi') as Koffi
  koffi.config({ sync_stack_size: CALL_BYTES, sync_heap_size: CALL_BYTES })
  const lib = koffi.load(null)
  const { errno } = koffi
  // The types of koffi's functions are in their signatures; TypeScript does not know them.
  const identity = lib.func('memmove', 'int64_t', ['void *', 'void *', 'int64_t']) as unknown as (
    dst: ArrayBufferView,
    src: null,
    n: number,
  ) => number
  return {
    provider: `koffi ${koffi.version}`,
    func(symbol, result, args) {
      let raw: CFunction
      try {
        const types = args.map((one) => KOFFI_TYPE[one])
        raw = inside(() => lib.func(symbol, KOFFI_TYPE[result], types))
      } catch {
        return undefined
      }
      return (...values) => {
        const n = raw(...values)
        return n === -1 ? -errno() : n
      }
    },
    symbolAddress(symbol) {
      try {
        return inside(() => Number(koffi.address(lib.symbol(symbol, 'void *'))))
      } catch {
        return 0
      }
    },
    // memmove of no bytes returns its first argument: the address as a double, with no bigint in between.
    address: (view) => identity(view, null, 0),
    view: (address, lengthBytes) => inside(() => koffi.view(address, lengthBytes)),
  }
}
