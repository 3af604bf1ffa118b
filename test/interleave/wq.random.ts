/**
 * Scripts for the owner of an io-wq, by chance from a seed: what nobody thought of.
 */
import type { Op } from './wq.scenario.js'

const MAX_ITEMS = 6

export interface Drawn {
  readonly up: [bound: number, unbound: number]
  readonly script: Op[]
  readonly held: number[]
  readonly announced: number[]
  readonly detached: number[]
  readonly limit: number
  readonly sleeps: 'futex' | 'loop'
  readonly spinning: number
  readonly maxRunning: number
}

/** The same for the same seed. */
export function draw(seed: number): Drawn {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1
  const below = (n: number) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 8) % n
  }
  const chance = (percent: number) => below(100) < percent
  const script: Op[] = []
  const held: number[] = []
  const announced: number[] = []
  const detached: number[] = []
  const released = new Set<number>()
  const nrItems = 2 + below(MAX_ITEMS - 1)
  for (let item = 1; item <= nrItems; item++) {
    const hashed = chance(50)
    const flags = `${hashed ? 'h' : ''}${chance(25) ? 'u' : ''}${chance(30) ? 'c' : ''}`
    script.push(['enqueue', item, flags, hashed ? below(2) : 0])
    if (chance(15)) held.push(item)
    else if (chance(20)) detached.push(item)
    if (chance(15)) announced.push(item)
    if (chance(30)) script.push(['cancel', 1 + below(item)])
    if (chance(25)) script.push(['exitOnIdle', chance(50)])
    if (chance(15)) script.push(['maxWorkers', below(3), below(3)])
    if (chance(15)) script.push(['tick'])
    if (chance(15)) script.push(['events'])
    if (chance(10)) script.push(['rest'])
    for (const one of [...held, ...detached]) {
      if (released.has(one) || !chance(40)) continue
      released.add(one)
      script.push(['release', one])
    }
  }
  for (const one of [...held, ...detached]) if (!released.has(one)) script.push(['release', one])
  script.push(['drain'], ['rest'])
  return {
    up: [below(3), below(2)],
    script,
    held,
    announced,
    detached,
    limit: 1 + below(3),
    sleeps: chance(50) ? 'futex' : 'loop',
    spinning: below(2),
    maxRunning: 1 + below(3),
  }
}
