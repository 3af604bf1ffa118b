/** For the driver's tests: one body for both backends, and what they share. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { libc } from '../sys/libc.js'
import { addressOf } from '../sys/memory.js'
import { type OpenOptions, Uring } from './uring.js'

export type OpenTestRing = (options?: OpenOptions) => Promise<Uring>
export type Body = (open: OpenTestRing, backend: 'kernel' | 'threads') => Promise<void>

const BACKENDS = ['kernel', 'threads'] as const

/** Why a backend cannot be tested here. */
const refusals = new Map<string, string>()
for (const backend of BACKENDS) {
  try {
    await (await Uring.open({ backend })).close()
  } catch (error) {
    refusals.set(backend, (error as Error).message)
  }
}

interface EachOptions {
  /** Why it cannot run here. */
  readonly skip?: string | false
  /** The class to open rings with, and what its build is called. */
  readonly of?: readonly [name: string, of: typeof Uring]
}

/** Registers one test a backend. Rings that `open` made are destroyed at its end. */
export function onEachBackend(name: string, body: Body): void
export function onEachBackend(name: string, options: EachOptions, body: Body): void
export function onEachBackend(name: string, ...rest: [Body] | [EachOptions, Body]): void {
  const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest
  const [build, Ring] = options.of ?? ['', Uring]
  for (const backend of BACKENDS) {
    const skip = options.skip || (refusals.get(backend) ?? false)
    test(`${name} (${backend}${build})`, { skip, timeout: 30_000 }, async () => {
      const opened: Uring[] = []
      const open: OpenTestRing = async (options) => {
        const ring = await Ring.open({ ...options, backend })
        opened.push(ring)
        return ring
      }
      try {
        await body(open, backend)
      } finally {
        for (const ring of opened) await ring.destroy()
      }
    })
  }
}

/** A directory that goes away with the test file. */
export function scratchDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'uring-driver-'))
  after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A pipe: [to read from, to write to]. */
export function makePipe(): [number, number] {
  const fds = new Int32Array(2)
  const res = libc('pipe2')(addressOf(fds), 0)
  if (res < 0) throw new Error(`pipe2: ${res}`)
  return [fds[0]!, fds[1]!]
}

/** How promises ended: values, and the codes of errors. */
export async function outcomes(promises: Iterable<Promise<unknown>>): Promise<unknown[]> {
  const settled = await Promise.allSettled(promises)
  return settled.map((s) => (s.status === 'fulfilled' ? s.value : (s.reason as { code?: string }).code))
}

export function code(expected: string): (error: unknown) => boolean {
  return (error) => (error as { code?: string }).code === expected
}
