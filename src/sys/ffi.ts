/**
 * The FFI provider: how C functions are called from JavaScript. Any thread; each thread loads its own.
 *
 * koffi is an ordinary dependency with a prebuilt binary. Where it cannot load (another platform, a missing optional
 * package), `ffi()` throws ERR_URING_NO_FFI with the reason in words; whoever can do without it asks `ffiProblem()`
 * first. Nothing above this folder calls FFI itself.
 */
import { builtin, requireHere } from '../lib/builtin.js'
import { perThread } from '../lib/per-thread.js'

/**
 * C types as this library needs them. Addresses travel as numbers: user space ends below 2^47, doubles
 * are exact to 2^53.
 */
export type CType = 'void' | 'int' | 'uint' | 'long' | 'size'

export type CFunction = (...args: number[]) => number

export interface Ffi {
  readonly provider: string
  /** A function of the process (libc), or undefined where it has no such symbol. */
  func(symbol: string, result: CType, args: readonly CType[]): CFunction | undefined
  /** The address of a symbol's code or data, or 0. */
  symbolAddress(symbol: string): number
  /** errno of this thread's last call. */
  errno(): number
  /** Address of the first byte of a view's memory. */
  address(view: ArrayBufferView): number
  /** Foreign memory as an ArrayBuffer. Neither freed nor kept alive by it. */
  view(address: number, lengthBytes: number): ArrayBuffer
}

interface KoffiLibrary {
  func(name: string, result: string, args: string[]): CFunction
  symbol(name: string, type: string): unknown
}
interface Koffi {
  load(path: null): KoffiLibrary
  errno(): number
  address(value: unknown): bigint
  view(address: number, length: number): ArrayBuffer
  readonly version: string
}

const KOFFI_TYPE: Readonly<Record<CType, string>> = {
  void: 'void',
  int: 'int',
  uint: 'unsigned int',
  long: 'int64_t',
  size: 'int64_t',
}

let loaded: Ffi | undefined
let problem: string | undefined

function load(): void {
  if (loaded !== undefined || problem !== undefined) return
  try {
    loaded = koffiProvider(perThread('koffi', loadKoffi))
  } catch (error) {
    problem = `the FFI package koffi cannot load on this system: ${firstSentence(error as Error)}`
  }
}

/**
 * koffi's binary for this system where npm puts it, else by way of koffi, which looks for it all over and takes 4 ms
 * where the binary takes one. A musl system could take glibc's binary for its own, so it goes the long way.
 */
function loadKoffi(): Koffi {
  if (process.platform === 'linux' && !builtin('node:fs').existsSync(muslLoader())) {
    try {
      const file = findBinary()
      // What require() does with it in the end, without what it does before: half a millisecond.
      const module = { exports: {} as Koffi }
      if (file !== undefined) process.dlopen(module, file)
      if (module.exports.version?.startsWith('3.')) return module.exports
    } catch {
      // It is elsewhere, or of another kind: koffi knows.
    }
  }
  return requireHere('koffi') as Koffi
}

/** In the nearest node_modules that has it, as require() would find it. */
function findBinary(): string | undefined {
  const { arch } = process
  const { existsSync } = builtin('node:fs')
  const { fileURLToPath } = builtin('node:url')
  const name = `node_modules/@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`
  let folder = new URL('.', import.meta.url)
  for (;;) {
    const file = fileURLToPath(new URL(name, folder))
    if (existsSync(file)) return file
    const above = new URL('..', folder)
    if (above.href === folder.href) return undefined
    folder = above
  }
}

/** The dynamic loader by which a musl system is known. */
function muslLoader(): string {
  const machine = process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'aarch64' : process.arch
  return `/lib/ld-musl-${machine}.so.1`
}

function koffiProvider(koffi: Koffi): Ffi {
  const lib = koffi.load(null)
  // koffi's functions take what their types say and return what theirs says; TypeScript is told here.
  const identity = lib.func('memmove', 'int64_t', ['void *', 'void *', 'int64_t']) as unknown as (
    dst: ArrayBufferView,
    src: null,
    n: number,
  ) => number
  return {
    provider: `koffi ${koffi.version}`,
    func(symbol, result, args) {
      try {
        return lib.func(
          symbol,
          KOFFI_TYPE[result],
          args.map((a) => KOFFI_TYPE[a]),
        )
      } catch {
        return undefined
      }
    },
    symbolAddress(symbol) {
      try {
        return Number(koffi.address(lib.symbol(symbol, 'void *')))
      } catch {
        return 0
      }
    },
    errno: koffi.errno,
    // memmove of no bytes returns its first argument: the address as a double, with no bigint in between.
    address: (view) => identity(view, null, 0),
    view: (address, lengthBytes) => koffi.view(address, lengthBytes),
  }
}

/** The first line of what went wrong, without its full stop: ours follows. */
function firstSentence({ message }: Error): string {
  return message.split('\n', 1).join('').replace(/\.$/, '')
}

/** The provider. Throws an Error with code ERR_URING_NO_FFI where there is none. */
export function ffi(): Ffi {
  load()
  if (loaded === undefined) {
    throw Object.assign(new Error(`${problem}. Rings need it; the Pool does not.`), { code: 'ERR_URING_NO_FFI' })
  }
  return loaded
}

/** Why there is no FFI here, in words; undefined where there is. */
export function ffiProblem(): string | undefined {
  load()
  return problem
}
