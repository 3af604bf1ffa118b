/** A module of jobs that look for what accessors gave. */

export function count(list: readonly unknown[]): number {
  return list.length
}

/** All `x` anywhere in its arguments. */
export function find(...args: unknown[]): unknown[] {
  const found: unknown[] = []
  look(args, found)
  return found
}

function look(value: unknown, found: unknown[]): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return
  if ('x' in value) found.push(value.x)
  else if (value instanceof Map || value instanceof Set) for (const inner of value.values()) look(inner, found)
  else for (const inner of Object.values(value)) look(inner, found)
}

let nr = 0

export function nrRead(): number {
  return nr
}

/** Twice the same, with something of some length. */
export function result(size: number, kind: 'plain' | 'map' | 'instance'): { x?: number; text?: string }[] {
  nr = 0
  const inner = Object.defineProperty({}, 'x', { get: () => ++nr, enumerable: true })
  const beside = kind === 'plain' ? {} : kind === 'map' ? new Map([[1, 2]]) : new Blob(['x'])
  return [inner, inner, { text: 'x'.repeat(size) }, beside]
}
