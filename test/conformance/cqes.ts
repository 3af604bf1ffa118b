/**
 * Filling SQEs and reading CQEs in tests. Main thread of a test file.
 *
 * Expectations are words, `'1:0 2:-EBADF'`: user_data, then the result by its errno's name, then `/0x…` where flags are
 * not 0. A difference then reads by itself. Every wait is bounded.
 */
import assert from 'node:assert/strict'
import { nowMs } from '../../src/lib/clock.js'
import { EINTR, errnoName } from '../../src/lib/errno.js'
import type { Cqe } from '../../src/ring/cq.js'
import { setFlags, setUserData } from '../../src/ring/prep.js'
import type { Ring } from '../../src/ring/ring.js'
import { SQ_FULL } from '../../src/ring/sq.js'
import type { Fill } from './fills.js'

/** A completion that does not come within this time never does. */
export const HANG_MS = 10_000

/** Puts an SQE on the queue, not submitted; returns the word where it begins. */
export function put(ring: Ring, userData: number, fill: Fill, sqeFlags = 0): number {
  const at = ring.sq.getSqe()
  assert.notEqual(at, SQ_FULL, 'the SQ has room')
  fill(ring.sq.words, at)
  setUserData(ring.sq.words, at, userData)
  setFlags(ring.sq.words, at, sqeFlags)
  return at
}

/** `'-ENOENT'` or `'17'`. */
export function named(res: number): string {
  return res < 0 ? `-${errnoName(res)}` : `${res}`
}

/** Throws unless a call succeeded; returns what it returned. */
export function ok(res: number, what: string): number {
  assert.ok(res >= 0, `${what}: ${named(res)}`)
  return res
}

/** What a call returned must be this; errnos are compared by name. */
export function equalRes(res: number, expected: number, what = 'the call'): void {
  assert.equal(named(res), named(expected), `${what} returned ${named(res)}, not ${named(expected)}`)
}

export function text({ userData, res, flags }: Cqe): string {
  return `${userData}:${named(res)}${flags === 0 ? '' : `/0x${flags.toString(16)}`}`
}

/** Submits all, which must be `count` SQEs. */
export function submit(ring: Ring, count: number): void {
  equalRes(ring.submit(), count, 'submit')
}

/** Takes `count` completions off, waiting for them. */
export function reap(ring: Ring, count: number): Cqe[] {
  const cqes: Cqe[] = []
  const deadline = nowMs() + HANG_MS
  while (cqes.length < count) {
    const batch = ring.cq.peekBatch(count - cqes.length)
    cqes.push(...batch)
    ring.cq.advance(batch.length)
    if (cqes.length === count) break
    const res = uninterrupted(() => ring.waitCqe(Math.max(1, deadline - nowMs())))
    if (res < 0) assert.fail(`${named(res)} after ${cqes.length} of ${count} completions: ${cqes.map(text).join(' ')}`)
  }
  return cqes
}

/**
 * What a wait returns that nothing has cut short: the kernel interrupts a thread once, some time after that has closed a
 * ring.
 */
export function uninterrupted(wait: () => number): number {
  for (;;) {
    const res = wait()
    if (res !== -EINTR) return res
  }
}

/** Submits what is prepared, `nr` SQEs, and waits until there are so many completions. A few interruptions are forgiven. */
export function submitAndWaitFor(ring: Ring, nr: number, count: number): void {
  equalRes(ring.submitAndWait(count), nr, 'submitAndWait')
  for (let i = 0; i < 3 && ring.cq.ready() < count; i++) uninterrupted(() => ring.submitAndWait(count))
  assert.ok(ring.cq.ready() >= count, `${ring.cq.ready()} of ${count} completions`)
}

/** Takes off all completions there are, after running task work, without waiting. */
export function drain(ring: Ring): Cqe[] {
  const cqes: Cqe[] = []
  for (;;) {
    ring.getEvents()
    const batch = ring.cq.peekBatch(ring.cq.entries)
    if (batch.length === 0) return cqes
    cqes.push(...batch)
    ring.cq.advance(batch.length)
  }
}

/** The next completions are these, in this order, and the CQ holds no others. */
export function expectInOrder(ring: Ring, expected: string): void {
  const words = split(expected)
  const found = [...reap(ring, words.length), ...ring.cq.peekBatch(ring.cq.entries)].map(text)
  assert.deepEqual(found, words)
}

/** The next completions are these, in any order, and the CQ holds no others. */
export function expectAnyOrder(ring: Ring, expected: string): void {
  const words = split(expected)
  const found = [...reap(ring, words.length), ...ring.cq.peekBatch(ring.cq.entries)].map(text)
  assert.deepEqual(found.sort(), words.sort())
}

/** Nothing completes, though task work is run. */
export function expectNothing(ring: Ring, why: string): void {
  ok(ring.getEvents(), 'getEvents')
  assert.deepEqual(ring.cq.peekBatch(ring.cq.entries).map(text), [], why)
}

/** Submits one SQE and returns its result. */
export function run(ring: Ring, fill: Fill, sqeFlags = 0): number {
  put(ring, 0x5eed, fill, sqeFlags)
  submit(ring, 1)
  const [cqe] = reap(ring, 1)
  assert.equal(cqe!.userData, 0x5eed)
  return cqe!.res
}

/** run(), whose result must be this. */
export function expectRun(ring: Ring, fill: Fill, expected: number, what: string, sqeFlags = 0): void {
  equalRes(run(ring, fill, sqeFlags), expected, what)
}

function split(expected: string): string[] {
  return expected.split(' ').filter((word) => word !== '')
}
