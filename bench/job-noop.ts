/**
 * An empty job: what it costs to have a function run on another thread, all of it overhead. Main thread, one worker.
 *
 * Every pool has one worker, started and warm. `inflight=1` is the round trip; `inflight=64` is what a busy pool gives.
 */
import type { Bench, Subject } from './bench.js'
import { meterPromises } from './meter.js'
import { openPool, openSubjects, POOL_NAMES, type PoolName, RIVALS } from './pools.js'

const INFLIGHT = [1, 64]

export const bench: Bench = {
  question: 'how many empty jobs a second does one worker run, with `inflight` of them given to the pool at once?',
  unit: 'jobs',
  pairs: RIVALS.map((rival) => ['uring', rival] as const),
  async settings(plan) {
    return INFLIGHT.map((inflight) => ({
      name: `inflight=${inflight}`,
      open: () =>
        openSubjects(
          plan,
          Object.fromEntries(POOL_NAMES.map((name) => [name, () => openSubject(name, inflight, plan.roundMs)])),
        ),
    }))
  },
}

async function openSubject(name: PoolName, inflight: number, roundMs: number): Promise<Subject> {
  const pool = await openPool(name, 'noop')
  return {
    name,
    round: () => meterPromises(roundMs, inflight, () => pool.run(), check),
    async close() {
      await pool.close()
    },
  }
}

function check(result: unknown): void {
  // workerpool turns undefined into null on the way.
  if (result !== undefined && result !== null) throw new Error('an empty job returned something')
}
