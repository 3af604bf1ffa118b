/**
 * Keys: what it costs that jobs of one key run one at a time and in order, with some keys far busier than others. Main
 * thread, as many workers as there are CPUs.
 *
 * No rival has keys. What their users write instead is a Map of promise chains in front of the pool; `piscina/chains` is
 * that, in front of piscina tuned. Everyone's jobs of one key have to end in the order in which they were given.
 */
import { availableParallelism } from 'node:os'
import type { Bench, Subject } from './bench.js'
import { meterPromises } from './meter.js'
import { type JobPool, openPool, openSubjects } from './pools.js'

const NR_KEYS = 10_000
/** Keys are drawn beforehand, and used over and over. */
const NR_DRAWN = 1 << 17
const INFLIGHT = [64, 1024]

type Run = (key: string, value: number) => PromiseLike<unknown>

export const bench: Bench = {
  question: `how many jobs a second with one of ${NR_KEYS} keys each, drawn by Zipf's law, beside jobs without?`,
  unit: 'jobs',
  pairs: [
    ['uring/keyed', 'uring/unkeyed'],
    ['piscina/chains', 'piscina/unkeyed'],
    ['uring/keyed', 'piscina/chains'],
  ],
  async settings(plan) {
    const keys = Array.from({ length: NR_KEYS }, (_, i) => `customer-${i}`)
    const drawn = drawZipf(NR_DRAWN, NR_KEYS)
    const workers = availableParallelism()
    return INFLIGHT.map((inflight) => {
      const subject = async (name: string, isOrdered: boolean, run: Run, close: () => unknown): Promise<Subject> => ({
        name,
        round: () => round(plan.roundMs, inflight, keys, drawn, isOrdered, run),
        async close() {
          await close()
        },
      })
      return {
        name: `inflight=${inflight}`,
        open: () =>
          openSubjects(plan, {
            async 'uring/keyed'(name) {
              const { pool, close } = await openOurs(workers)
              return subject(name, true, (key, value) => pool.run('echo', [value], { key }), close)
            },
            async 'uring/unkeyed'(name) {
              const { pool, close } = await openOurs(workers)
              return subject(name, false, (_key, value) => pool.run('echo', [value]), close)
            },
            async 'piscina/chains'(name) {
              const pool = await openPool('piscina/tuned', 'echo', workers)
              return subject(name, true, chained(pool), () => pool.close())
            },
            async 'piscina/unkeyed'(name) {
              const pool = await openPool('piscina/tuned', 'echo', workers)
              return subject(
                name,
                false,
                (_key, value) => pool.run(value),
                () => pool.close(),
              )
            },
          }),
      }
    })
  },
}

async function openOurs(maxWorkers: number) {
  const { Pool } = await import('uring/pool')
  const jobs = new URL('./rivals/echo.js', import.meta.url)
  const pool = new Pool<typeof import('./rivals/echo.js')>(jobs, { maxWorkers })
  for (let i = 0; i < 100; i++) await Promise.all([pool.run('echo', [i]), pool.run('echo', [i])])
  return { pool, close: () => pool.close() }
}

/** The end of each key's chain, while it has one. */
function chained(pool: JobPool): Run {
  const tails = new Map<string, PromiseLike<unknown>>()
  return (key, value) => {
    const run = () => pool.run(value)
    const before = tails.get(key)
    const mine = before === undefined ? run() : before.then(run, run)
    const tail: PromiseLike<unknown> = mine.then(forget, forget)
    function forget() {
      if (tails.get(key) === tail) tails.delete(key)
    }
    tails.set(key, tail)
    return mine
  }
}

/** `inflight` jobs at once; the numbers given with one key have to come back in ascending order. */
function round(
  roundMs: number,
  inflight: number,
  keys: readonly string[],
  drawn: Uint16Array,
  isOrdered: boolean,
  run: Run,
) {
  let nrGiven = 0
  const last = new Int32Array(keys.length)
  const op = async () => {
    const number = ++nrGiven
    const key = drawn[number % drawn.length]!
    const got = await run(keys[key]!, number)
    if (got !== number) throw new Error(`job ${number} returned ${got}`)
    if (isOrdered && last[key]! > number) throw new Error(`job ${number} of key ${key} ended after ${last[key]}`)
    last[key] = number
  }
  return meterPromises(roundMs, inflight, op, () => {})
}

/** Numbers below `nrKeys`, the k-th with a weight of 1/(k+1): of 10,000 keys the first gets a tenth. Always the same. */
function drawZipf(count: number, nrKeys: number): Uint16Array {
  const sums = new Float64Array(nrKeys)
  let sum = 0
  for (let k = 0; k < nrKeys; k++) {
    sum += 1 / (k + 1)
    sums[k] = sum
  }
  let seed = 1
  return Uint16Array.from({ length: count }, () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    const wanted = (seed / 2 ** 32) * sum
    let low = 0
    let high = nrKeys - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low
  })
}
