/** What jobs of the re-entry matrix say of their arguments. */
export function seen(...args: readonly unknown[]): unknown[] {
  return args.map((arg, i) => {
    if (arg instanceof SharedArrayBuffer) return `shared ${new Int32Array(arg)[0]}`
    if (ArrayBuffer.isView(arg)) return `view ${arg.byteLength} ${new Uint8Array(arg.buffer, arg.byteOffset)[0]}`
    if (typeof arg === 'object' && args.indexOf(arg) < i) return `same as ${args.indexOf(arg)}`
    return JSON.stringify(arg)
  })
}

export function* yields(...args: readonly unknown[]): Generator<unknown> {
  yield* seen(...args)
}

export const inner = (value: { k: string }) => value.k
export function* inners(value: { k: string }): Generator<string> {
  yield value.k
}
