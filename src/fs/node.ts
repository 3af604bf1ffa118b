/**
 * Node's own fs/promises: what is not for a ring is its call, and what is takes its classes from here. Any thread.
 *
 * Its FileHandle is not public, but each handle leads to it: the class, the class of what lies inside (which closes an fd
 * that nobody closed, and warns), and the methods that count the operations in flight. Counterpart:
 * lib/internal/fs/promises.js.
 */
import type { Stats } from 'node:fs'
import type * as Promises from 'node:fs/promises'
import { builtin } from '../lib/builtin.js'
import { process } from '../lib/globals.js'

export type NodeFs = typeof Promises
export type FileHandle = Promises.FileHandle

/** Functions of it by name; which there are depends on the Node that runs. */
export const nodeFs: NodeFs = builtin('node:fs/promises')

/** What lies inside a handle. Its class makes one of an fd, and owns that from then on. */
export interface Inside {
  readonly fd: number
  /** Forgets the fd without closing it. */
  releaseFD(): void
  close(): Promise<void>
}

/** What is behind node:fs/promises, as one handle shows it. */
export interface Parts {
  readonly Handle: new (inside: Inside) => FileHandle
  readonly Inside: new (fd: number) => Inside
  /** Counts an operation in flight: a close waits for it. */
  readonly ref: symbol
  readonly unref: symbol
  /** In which order a read's result has its keys. */
  readonly readKeys: readonly string[]
}

let parts: Promise<Parts | undefined> | undefined

/** Undefined where handles are not as they are known: then Node's own open makes them. */
export function partsOf(): Promise<Parts | undefined> {
  parts ??= findParts().catch(() => {
    // Most likely no descriptor was left: the next call tries again.
    parts = undefined
    return undefined
  })
  return parts
}

async function findParts(): Promise<Parts | undefined> {
  const handle = await nodeFs.open('/dev/null', 'r')
  try {
    const inside = (handle as unknown as Record<symbol, unknown>)[symbolOf(handle, 'kHandle')] as Inside
    const Inside = inside.constructor as new (fd: number) => Inside
    const methods = Object.getPrototypeOf(handle) as object
    const ref = symbolOf(methods, 'kRef')
    const unref = symbolOf(methods, 'kUnref')
    const isKnown = typeof inside.releaseFD === 'function' && inside.fd === handle.fd && typeof Inside === 'function'
    if (!isKnown || !(ref in handle) || !(unref in handle)) return undefined
    const readKeys = Object.keys(await handle.read(new Uint8Array(1), 0, 1, null))
    return { Handle: handle.constructor as Parts['Handle'], Inside, ref, unref, readKeys }
  } finally {
    await handle.close()
  }
}

function symbolOf(of: object, description: string): symbol {
  const found = Object.getOwnPropertySymbols(of).find((symbol) => symbol.description === description)
  if (found === undefined) throw new Error(`a FileHandle has no ${description}`)
  return found
}

/** Whether Node asks permission for each file (--permission): a ring would pass it by. */
export function asksPermission(): boolean {
  return (process as { permission?: unknown }).permission !== undefined
}

let classes: readonly [stats: Stats, big: object] | undefined

/** A Stats and a BigIntStats of this Node, as patterns. */
export function statsPatterns(): readonly [stats: Stats, big: object] {
  const { statSync } = builtin('node:fs')
  classes ??= [statSync('/'), statSync('/', { bigint: true })]
  return classes
}
