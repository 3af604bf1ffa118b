import { reportProgress } from '../../src/pool/worker/job.js'

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

class Named {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

const FORMS: Readonly<Record<string, (name: string) => unknown>> = {
  'a clone': (name) => new Named(name),
  'a long text': (name) => name.repeat(15_000),
  'a view beside a message': (name) => new Uint8Array(50_000).fill(name.charCodeAt(0)),
}

/** Reports something, and returns a value of some form that says whose it is. */
export function inForm(form: string, name: string): unknown {
  reportProgress(name)
  return FORMS[form]?.(name)
}

/** Says that it is here, and waits. */
export function held(gate: Int32Array): string {
  Atomics.add(gate, 0, 1)
  Atomics.notify(gate, 0)
  Atomics.wait(gate, 1, 0)
  return 'held'
}
