/** Jobs for the test of a pool without FFI. */
export function add(a: number, b: number): number {
  return a + b
}
