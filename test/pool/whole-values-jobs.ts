/** Jobs for values that are hard to carry. */
import { reportProgress, transferring } from '../../src/pool/worker/job.js'

export const echo = (value: unknown) => value
export const named = (key: string) => ({ [key]: 1, list: [{ [key]: 2 }] })
export const length = (view: ArrayBufferView) => view.byteLength
export const last = (view: Uint8Array) => [view.length, view[view.length - 1]]
export function big(bytes: number): Uint8Array {
  const view = new Uint8Array(bytes)
  view[bytes - 1] = 9
  return view
}
export const proxied = (n: number) =>
  new Proxy(Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, i])), {})

const frame = (i: number) => {
  const view = new Uint8Array(4).fill(i)
  return transferring(view, [view.buffer])
}
export function* frames(n: number): Generator<unknown, unknown> {
  const kept: Uint8Array[] = []
  for (let i = 0; i < n; i++) {
    const view = new Uint8Array(4).fill(i)
    kept.push(view)
    yield i % 2 === 0 ? transferring(view, [view.buffer]) : view
  }
  return transferring(
    kept.map((view) => view.byteLength),
    [],
  )
}
export const nested = () => ({ inside: frame(1) })
export function* nestedSteps(): Generator<unknown> {
  yield { inside: frame(1) }
}
export const reports = () => {
  const view = new Uint8Array(4).fill(5)
  reportProgress(transferring(view, [view.buffer]))
  return view.byteLength
}
export const reportsNested = () => reportProgress([frame(1)])
