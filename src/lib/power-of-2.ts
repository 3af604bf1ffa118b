/**
 * Sizes of rings and tables. Any thread; no state. Counterpart: roundup_pow_of_two of the kernel.
 */

/** The smallest power of two that is not less than `n`, up to 2**32; 1 for 0 and 1. */
export function roundUpPow2(n: number): number {
  return 2 ** ceilLog2(n)
}

/** Its exponent. */
export function ceilLog2(n: number): number {
  return n <= 1 ? 0 : 32 - Math.clz32(n - 1)
}
