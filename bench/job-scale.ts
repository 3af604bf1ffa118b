/**
 * Many jobs given at once: what one costs, and what memory it takes while it waits. Main thread, one worker.
 *
 * A round is one burst after the other: `n` empty jobs are given in one go, and all awaited. Memory is that of the heap,
 * of ArrayBuffers and of what else V8 knows of, taken after a collection before a burst and again when all of it has been
 * given; nothing can have settled by then. The array that keeps the promises is made before, and not counted.
 * `promises` is no pool: as many bare promises, resolved by the caller. What grows with it is V8's collector at work on
 * what lives long, and a part of everybody's figure.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Bench, Round, Subject } from './bench.js'
import { meterTimed } from './meter.js'
import { type JobPool, openPool, openSubjects, POOL_NAMES, type PoolName, RIVALS } from './pools.js'

const SIZES: Readonly<Record<string, number>> = { '1k': 1000, '10k': 10_000, '100k': 100_000, '1m': 1_000_000 }
const QUICK_SIZES = ['1k', '10k']
/** Rivals get the sizes that they do in a second or two: the queue of some is an array that they shift. */
const RIVAL_SIZES: Readonly<Record<Exclude<PoolName, 'uring'>, readonly string[]>> = {
  piscina: ['1k', '10k'],
  'piscina/tuned': ['1k', '10k', '100k'],
  tinypool: ['1k', '10k'],
  workerpool: ['1k', '10k'],
  poolifier: ['1k', '10k', '100k'],
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

export const bench: Bench = {
  question:
    'how many empty jobs a second does one worker run if so many are given at once, and what memory do they take?',
  unit: 'jobs',
  pairs: [
    ...Object.keys(SIZES).map((size) => [`uring ${size}`, 'uring 1k'] as const),
    ...Object.keys(SIZES).map((size) => [`promises ${size}`, 'promises 1k'] as const),
    ...RIVALS.flatMap((rival) => RIVAL_SIZES[rival].map((size) => [`uring ${size}`, `${rival} ${size}`] as const)),
  ].filter(([of, to]) => of !== to),
  async settings(plan) {
    const sizes = plan.isQuick ? QUICK_SIZES : Object.keys(SIZES)
    const openers: Record<string, (name: string) => Promise<Subject>> = {}
    for (const name of [...POOL_NAMES, 'promises'] as const) {
      const isRival = name !== 'uring' && name !== 'promises'
      for (const size of sizes.filter((size) => !isRival || RIVAL_SIZES[name].includes(size))) {
        const open = () => (name === 'promises' ? barePromises() : openPool(name, 'noop'))
        openers[`${name} ${size}`] = (subject) => openSubject(subject, open, SIZES[size]!, plan.roundMs)
      }
    }
    return [{ name: 'workers=1', open: () => openSubjects(plan, openers) }]
  },
}

/** Resolves what was given once the caller is back in its event loop. */
async function barePromises(): Promise<JobPool> {
  let resolves: ((value: unknown) => void)[] = []
  const resolveAll = () => {
    for (const resolve of resolves) resolve(undefined)
    resolves = []
  }
  const grab = (resolve: (value: unknown) => void) => {
    if (resolves.push(resolve) === 1) setImmediate(resolveAll)
  }
  return { run: () => new Promise(grab), close: () => {} }
}

async function openSubject(
  subject: string,
  open: () => Promise<JobPool>,
  size: number,
  roundMs: number,
): Promise<Subject> {
  const pool = await open()
  let bytesPerOp: number | undefined
  return {
    name: subject,
    async round(): Promise<Round> {
      const round = await meterTimed(roundMs, async () => (await burst(pool, size)).us, size)
      // Once, in the round that warms up; a collection in the middle of a burst would spoil its time.
      bytesPerOp ??= (await burst(pool, size, collectGarbage)).bytes / size
      return { ...round, bytesPerOp }
    },
    async close() {
      await pool.close()
    },
  }
}

/** One burst; with `collect` its time means nothing, without it its bytes. */
async function burst(pool: JobPool, size: number, collect?: () => void): Promise<{ us: number; bytes: number }> {
  const promises: PromiseLike<unknown>[] = new Array(size)
  const before = used(collect)
  const startMs = performance.now()
  for (let i = 0; i < size; i++) promises[i] = pool.run()
  const bytes = used(collect) - before
  for (const promise of promises) {
    const result = await promise
    if (result !== undefined && result !== null) throw new Error('an empty job returned something')
  }
  return { us: (performance.now() - startMs) * 1000, bytes }
}

function used(collect: (() => void) | undefined): number {
  if (collect === undefined) return 0
  collect()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  // `external` should have the ArrayBuffers in it; it learns of some of them late.
  return heapUsed + Math.max(external, arrayBuffers)
}
