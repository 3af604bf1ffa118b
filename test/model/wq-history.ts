/**
 * Histories of an io-wq drawn from a seed: bursts of calls, with a look at it between them. Any thread.
 */
import { Prng } from './prng.js'
import { HEEDFUL, HELD, type Item, QUICK } from './wq-model.js'

export type Call =
  | readonly ['enqueue', item: Item, concurrent: boolean, announced: boolean]
  | readonly ['release', id: number]
  | readonly ['cancel', id: number]
  /** Of all of one bucket, or the first of them. */
  | readonly ['cancelMatch', bucket: number, all: boolean]
  | readonly ['maxWorkers', bound: number, unbound: number]
  | readonly ['exitOnIdle', on: boolean]

export interface History {
  readonly maxWorkers: [bound: number, unbound: number]
  readonly concurrency: number
  readonly maxRunning: number
  readonly spinUs: number
  /** Undefined: the idle timeout never comes. */
  readonly idleTimeoutMs: number | undefined
  readonly bursts: readonly (readonly Call[])[]
}

export const NR_BUCKETS = 3
export const MAX_WORKERS = 3
const NR_BURSTS = 40
const MAX_BURST = 3
/** Items that may be there at once: the states of a model grow with them. */
const MAX_OPEN = 12
const SHORT_MS = 5

/** The same for the same seed. */
export function drawHistory(seed: number): History {
  const rng = new Prng(seed)
  const maxWorkers: [number, number] = [1 + rng.int(MAX_WORKERS), 1 + rng.int(MAX_WORKERS)]
  const history = {
    maxWorkers,
    concurrency: 1 + rng.int(3),
    maxRunning: 1 + rng.int(4),
    spinUs: rng.int(2) * 20,
    idleTimeoutMs: rng.oneIn(4) ? SHORT_MS : undefined,
    bursts: [] as Call[][],
  }
  const nrBuckets = 1 + rng.int(NR_BUCKETS)
  const hashedPercent = rng.pick([30, 60, 90])
  /** Held items not released yet; the model alone knows whether they run. */
  const held: number[] = []
  let nrItems = 0
  const call = (): Call => {
    switch (rng.weighted({ enqueue: 50, release: 22, cancel: 16, cancelMatch: 4, maxWorkers: 6, exitOnIdle: 6 })) {
      case 'release':
        if (held.length > 0) return ['release', held.splice(rng.int(held.length), 1)[0]!]
        break
      case 'cancel':
        if (nrItems > 0) return ['cancel', Math.max(0, nrItems - 1 - rng.int(MAX_OPEN / 2))]
        break
      case 'cancelMatch':
        return ['cancelMatch', rng.int(NR_BUCKETS), rng.oneIn(2)]
      case 'maxWorkers':
        return ['maxWorkers', rng.int(MAX_WORKERS + 1), rng.int(MAX_WORKERS + 1)]
      case 'exitOnIdle':
        return ['exitOnIdle', rng.oneIn(2)]
    }
    if (held.length >= MAX_OPEN / 2) return ['release', held.splice(rng.int(held.length), 1)[0]!]
    const id = nrItems++
    const kind = rng.oneIn(2) ? QUICK : rng.oneIn(2) ? HELD : HEEDFUL
    if (kind !== QUICK) held.push(id)
    const bucket = rng.int(100) < hashedPercent ? rng.int(nrBuckets) : -1
    return ['enqueue', { id, acct: rng.oneIn(3) ? 1 : 0, bucket, kind }, rng.oneIn(2), rng.oneIn(2)]
  }
  for (let i = 0; i < NR_BURSTS; i++) history.bursts.push(Array.from({ length: 1 + rng.int(MAX_BURST) }, call))
  history.bursts.push(held.map((id) => ['release', id]))
  return history
}

/** A history as text, one burst a line. */
export function describeHistory({ bursts, ...options }: History): string {
  return [JSON.stringify(options), ...bursts.map((burst, i) => `${i}: ${JSON.stringify(burst)}`)].join('\n')
}
