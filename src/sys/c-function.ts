/**
 * What a C function is to JavaScript, and what calls one. Types alone, for any thread.
 *
 * addon.ts and koffi.ts are two that call; ffi.ts chooses. Counterpart: none.
 */

/**
 * C types as this library needs them. Addresses travel as numbers: user space ends below 2^47, doubles
 * are exact to 2^53.
 */
export type CType = 'int' | 'uint' | 'long' | 'size'

/** Returns what the C function returns, or -errno where that is -1. */
export type CFunction = (...args: number[]) => number

export interface Ffi {
  /** The provider's name, for people. */
  readonly provider: string
  /** A function of the process (libc); undefined if there is no such symbol. */
  func(symbol: string, result: 'int' | 'long', args: readonly CType[]): CFunction | undefined
  /** The address of a symbol's code or data, or 0. */
  symbolAddress(symbol: string): number
  /** Address of the first byte of an array's memory. */
  address(view: Uint8Array): number
  /** Foreign memory as an ArrayBuffer, which neither frees it nor keeps it alive. */
  view(address: number, lengthBytes: number): ArrayBuffer
  /**
   * The addon will give back what is listed at an address when this thread ends, in whatever way. False if it cannot.
   */
  atEnd?(list: number): boolean
}
