/**
 * One program on every backend there is: broken rules, and what differs. Main thread of a test process.
 *
 * Each backend keeps a ring open all the while, so that its workers stay from program to program.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Syscalls } from '../../src/abi/syscalls.js'
import { queueInit } from '../../src/ring/ring.js'
import { type Backend, type BackendName, backends } from '../conformance/backends.js'
import { compare } from './compare.js'
import { execute } from './execute.js'
import { gapsOf } from './gaps.js'
import { findBroken } from './invariants.js'
import type { Observation } from './observation.js'
import { describe, isCertain, type Program } from './program.js'
import { watchThreads } from './ring-threads.js'

const present = backends.filter(
  (backend): backend is Backend & { syscalls: Syscalls } => backend.syscalls !== undefined,
)

/** The backends that take part, by name. */
export const names: readonly string[] = present.map(({ name }) => name)

/** Why others do not. */
export const missing: readonly string[] = backends
  .filter(({ syscalls }) => syscalls === undefined)
  .map(({ name, missing }) => `${name}: ${missing}`)

/** Opens the rings that keep the workers; the function it returns closes them. */
export function holdWorkers(): () => void {
  const unwatch = watchThreads()
  const rings = present.map(({ syscalls }) => queueInit(syscalls, 64))
  return () => {
    for (const ring of rings) ring.queueExit()
    unwatch()
  }
}

/** How many programs ran where, and why not elsewhere. */
export class Tally {
  nrCompared = 0
  /** Kept the rules on more than one backend, but have more than one right outcome. */
  nrUncertain = 0
  /** `threads: no TIMEOUT` to the number of programs that were not run there for it. */
  readonly gaps = new Map<string, number>()

  /** In words, a line each. */
  lines(): string[] {
    const gaps = [...this.gaps].sort(([a], [b]) => (a < b ? -1 : 1))
    return [
      `compared: ${this.nrCompared}; run side by side, with more than one right outcome: ${this.nrUncertain}`,
      ...gaps.map(([gap, nr]) => `gap: ${nr} programs were not run on ${gap}`),
    ]
  }
}

/** Runs the program where it can run; returns what is wrong, in words. */
export async function trial(program: Program, tally = new Tally()): Promise<string[]> {
  const wrong: string[] = []
  const runs: { name: BackendName; seen: Observation }[] = []
  for (const backend of present) {
    const { name, syscalls } = backend
    const gaps = gapsOf(program, backend)
    for (const gap of gaps) tally.gaps.set(`${name}: ${gap}`, (tally.gaps.get(`${name}: ${gap}`) ?? 0) + 1)
    if (gaps.length > 0) continue
    const seen = await execute(program, syscalls)
    runs.push({ name, seen })
    wrong.push(...findBroken(seen).map((what) => `${name}: ${what}`))
    // What a backend does about closed rings and workers that left, it does on the event loop.
    await turn()
  }
  const [first, ...others] = runs
  if (others.length === 0) return wrong
  if (!isCertain(program)) tally.nrUncertain++
  else {
    tally.nrCompared++
    for (const { name, seen } of others) {
      wrong.push(...compare(first!.seen, seen).map((what) => `${first!.name} | ${name}: ${what}`))
    }
  }
  return wrong
}

/** A report of a failing program. */
export function report(program: Program, wrong: readonly string[]): string {
  return `${wrong.slice(0, 12).join('\n')}\n${describe(program)}`
}
