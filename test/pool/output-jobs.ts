/** Jobs that print. */
export function out(n: number): number {
  for (let i = 0; i < n; i++) console.log(`line ${i}`)
  return n
}
export async function outLater(n: number): Promise<number> {
  await null
  return out(n)
}
export function* outSteps(n: number): Generator<number> {
  for (let i = 0; i < n; i++) {
    console.log(`line ${i}`)
    yield i
  }
}
export function outThrow(n: number): void {
  out(n)
  throw new Error('thrown')
}
export function outExit(n: number): void {
  out(n)
  process.exit()
}
export function mixed(n: number): void {
  for (let i = 0; i < n; i++) {
    process.stdout.write('line out ')
    process.stdout.write(Buffer.from('of bytes\n'))
    process.stderr.write('6c696e65206572720a', 'hex')
    console.error('line err')
  }
}
/** A hook for the end of a thread. */
export function tearOut(): void {
  out(10)
}
export const nothing = (): void => {}
