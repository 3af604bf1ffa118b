/**
 * One program on every backend there is: broken rules, and what differs. Main thread of a test process.
 *
 * Each backend keeps a ring open all the while, so that its workers stay from program to program.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { queueInit } from '../../src/ring/ring.js'
import { type Backend, backends } from '../conformance/backends.js'
import { compare } from './compare.js'
import { execute } from './execute.js'
import { findBroken } from './invariants.js'
import type { Observation } from './observation.js'
import { describe, type Program } from './program.js'

const present = backends.filter((backend): backend is Backend & { syscalls: object } => backend.syscalls !== undefined)

/** The backends that take part, by name. */
export const names: readonly string[] = present.map(({ name }) => name)

/** Why others do not. */
export const missing: readonly string[] = backends
  .filter(({ syscalls }) => syscalls === undefined)
  .map(({ name, missing }) => `${name}: ${missing}`)

/** Opens the rings that keep the workers; the function it returns closes them. */
export function holdWorkers(): () => void {
  const rings = present.map(({ syscalls }) => queueInit(syscalls!, 64))
  return () => {
    for (const ring of rings) ring.queueExit()
  }
}

/** Runs the program; returns what is wrong, in words. */
export async function trial(program: Program): Promise<string[]> {
  const wrong: string[] = []
  const runs: Observation[] = []
  for (const { name, syscalls } of present) {
    const seen = execute(program, syscalls!)
    runs.push(seen)
    wrong.push(...findBroken(seen).map((what) => `${name}: ${what}`))
    // What a backend does about closed rings and workers that left, it does on the event loop.
    await turn()
  }
  const [first, ...others] = runs
  others.forEach((other, i) => {
    wrong.push(...compare(first!, other).map((what) => `${names[0]} | ${names[i + 1]}: ${what}`))
  })
  return wrong
}

/** A report of a failing program. */
export function report(program: Program, wrong: readonly string[]): string {
  return `${wrong.slice(0, 12).join('\n')}\n${describe(program)}`
}
