/**
 * Idle exit: how long after the last close until the threads are gone. Main thread, two workers a subject.
 *
 * One operation: a pool or ring is made, runs something, has its threads asleep, is closed, and /proc/self/task is read
 * until the threads that came with it are no longer in it. Nothing is counted but the time from the close.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { Uring } from 'uring'
import type { Bench, Subject } from './bench.js'
import { meterTimed } from './meter.js'
import { openPool, openSubjects, POOL_NAMES } from './pools.js'

const NR_WORKERS = 2
const LIMIT_MS = 3000
/** Threads that are asleep at so many looks in a row are up and idle, not on their way. */
const NR_LOOKS = 4
const LOOK_MS = 5
const TASKS = '/proc/self/task'

interface Closer {
  close(): unknown
}

export const bench: Bench = {
  question: 'how long after the last close until the threads are gone from /proc/self/task?',
  unit: 'closes',
  pairs: POOL_NAMES.slice(1).map((rival) => ['uring/pool', rival] as const),
  async settings(plan) {
    // libuv's own threads are there from now on.
    await Promise.all(Array.from({ length: 16 }, () => readdir(TASKS)))
    const openers: Record<string, (name: string) => Promise<Subject>> = {}
    for (const backend of ['threads', 'kernel'] as const) {
      openers[`uring/${backend}`] = (name) => subject(name, plan.roundMs, () => openBusyRing(backend))
    }
    for (const pool of POOL_NAMES) {
      openers[pool === 'uring' ? 'uring/pool' : pool] = (name) =>
        subject(name, plan.roundMs, () => openPool(pool, 'noop', NR_WORKERS))
    }
    return [{ name: `workers=${NR_WORKERS}`, open: () => openSubjects(plan, openers) }]
  },
}

/** Runs once when it is opened, so that what cannot run here, or does not end, is left out. */
async function subject(name: string, roundMs: number, open: () => Promise<Closer>): Promise<Subject> {
  await closeOne(open)
  return { name, round: () => meterTimed(roundMs, () => closeOne(open)) }
}

async function openBusyRing(backend: 'threads' | 'kernel'): Promise<Closer> {
  const ring = await Uring.open({ backend })
  // By workers, not inline.
  for (let i = 0; i < 50; i++) await Promise.all(Array.from({ length: NR_WORKERS }, () => ring.nop({ async: true })))
  return ring
}

/** Microseconds from the close until the threads that the open started are gone. */
async function closeOne(open: () => Promise<Closer>): Promise<number> {
  const before = new Set(readdirSync(TASKS))
  const opened = await open()
  await asleep(before)
  const threads = readdirSync(TASKS).filter((tid) => !before.has(tid))
  if (threads.length === 0) throw new Error('no thread of its own was seen')
  const startMs = performance.now()
  const closed = Promise.resolve(opened.close())
  for (;;) {
    const now = new Set(readdirSync(TASKS))
    if (!threads.some((tid) => now.has(tid))) break
    if (performance.now() - startMs > LIMIT_MS) throw new Error(`threads are there ${LIMIT_MS} ms after the close`)
    await new Promise(setImmediate)
  }
  const us = (performance.now() - startMs) * 1000
  await closed
  return us
}

/** Waits until all threads that are not in `before` are idle; one that is just starting would be closed in the middle. */
async function asleep(before: ReadonlySet<string>): Promise<void> {
  const endMs = performance.now() + LIMIT_MS
  for (let looks = 0; looks < NR_LOOKS && performance.now() < endMs; looks++) {
    await setTimeout(LOOK_MS)
    for (const tid of readdirSync(TASKS)) if (!before.has(tid) && !isAsleep(tid)) looks = -1
  }
}

function isAsleep(tid: string): boolean {
  try {
    return /^State:\s+S/m.test(readFileSync(`${TASKS}/${tid}/status`, 'latin1'))
  } catch {
    return true
  }
}
