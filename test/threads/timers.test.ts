/**
 * The order of timeouts, against a list that is searched. Main thread.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Timeout, Timers } from '../../src/backends/threads/state/timers.js'
import { NONE } from '../../src/lib/mpscq.js'
import { Prng } from '../model/prng.js'

const SEEDS = 200
const STEPS = 300

interface Naive {
  readonly req: number
  dueMs: number
  /** CQEs still to come. */
  left: number | undefined
  readonly bounds: number
}

function one(req: number, dueMs: number, bounds = NONE): Omit<Timeout, 'target' | 'heapAt' | 'nr' | 'isUp'> {
  return { req, key: req % 5, dueMs, intervalMs: undefined, shots: 0, bounds }
}

const reqs = (timeouts: readonly { req: number }[]) => timeouts.map(({ req }) => req)

test('what is due, whose count is met, and in which order they are found', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = new Prng(seed)
    const timers = new Timers()
    // Around the place where the tail of a CQ begins anew.
    let tail = -50 | 0
    let now = 0
    let naive: Naive[] = []
    let nrMade = 0
    const drop = (found: Timeout) => {
      timers.remove(found)
      naive = naive.filter(({ req }) => req !== found.req)
    }
    for (let step = 0; step < STEPS; step++) {
      const any = naive[random.int(Math.max(1, naive.length))]
      switch (random.int(6)) {
        case 0: {
          const [dueMs, count] = [now + random.int(40), random.oneIn(2) ? 1 + random.int(20) : 0]
          timers.add(one(nrMade, dueMs), count, tail)
          naive.push({ req: nrMade++, dueMs, left: count === 0 ? undefined : count, bounds: NONE })
          break
        }
        case 1: {
          const dueMs = now + random.int(40)
          timers.add(one(nrMade, dueMs, 7), 0, tail)
          naive.push({ req: nrMade++, dueMs, left: undefined, bounds: 7 })
          break
        }
        case 2:
          if (any !== undefined) drop(timers.find(any.req)!)
          break
        case 3:
          if (any === undefined) break
          any.dueMs = now + random.int(40)
          any.left = undefined
          timers.move(timers.find(any.req)!, any.dueMs, 0)
          // It is found after those that were there.
          naive = [...naive.filter((other) => other !== any), any]
          break
        case 4: {
          now += random.int(10)
          for (let up = timers.popDue(now); up !== undefined; up = timers.popDue(now)) {
            const first = Math.min(...naive.map(({ dueMs }) => dueMs))
            assert.equal(up.dueMs, first, `seed ${seed}: the first that is due`)
            // Of those due at once the one that was set first.
            assert.equal(
              up.req,
              naive.find(({ dueMs }) => dueMs === first)!.req,
              `seed ${seed}: in the order of setting`,
            )
            // An event that posts a CQE, which does not count.
            if (up.bounds === NONE) {
              timers.nrEvents++
              tail = (tail + 1) | 0
            }
            drop(up)
          }
          assert.ok(!naive.some(({ dueMs }) => dueMs <= now), `seed ${seed}: all that is due`)
          break
        }
        default: {
          const nr = random.int(4)
          tail = (tail + nr) | 0
          for (const timeout of naive) if (timeout.left !== undefined) timeout.left -= nr
          const met = counted(naive).filter(({ left }) => left! <= 0)
          const found = timers.met(tail)
          assert.deepEqual(reqs(found), reqs(met), `seed ${seed}: counts met`)
          for (const timeout of found) {
            drop(timeout)
            tail = (tail + 1) | 0
          }
        }
      }
      const pure = naive.filter(({ left, bounds }) => left === undefined && bounds === NONE)
      assert.deepEqual(reqs(timers.timeouts()), reqs([...counted(naive), ...pure]), `seed ${seed}: the order`)
      const key = random.int(5)
      const isOfKey = ({ req }: Naive) => req % 5 === key
      assert.deepEqual(reqs(timers.timeoutsBy(key)), reqs([...counted(naive), ...pure].filter(isOfKey)))
      const limits = naive.filter(({ bounds }) => bounds !== NONE).filter(isOfKey)
      assert.deepEqual(reqs(timers.linkTimeoutsBy(key)).sort(), reqs(limits).sort())
      const lowest = Math.min(Number.POSITIVE_INFINITY, ...counted(naive).map(({ left }) => left!))
      assert.equal(timers.nrToMeet(tail), lowest, `seed ${seed}: CQEs to the first count`)
      assert.equal(timers.firstDueMs, Math.min(Number.POSITIVE_INFINITY, ...naive.map(({ dueMs }) => dueMs)))
    }
  }
})

/** Those with a count, the lowest first, of equal ones the first that came. */
function counted(naive: readonly Naive[]): Naive[] {
  return naive.filter(({ left }) => left !== undefined).toSorted((a, b) => a.left! - b.left!)
}

test('a timeout is removed once', () => {
  const timers = new Timers()
  timers.add(one(1, 5), 0, 0)
  const timeout = timers.find(1)!
  timers.remove(timeout)
  assert.equal(timers.firstDueMs, Number.POSITIVE_INFINITY)
  assert.throws(() => timers.remove(timeout), { code: 'ERR_URING_ASSERTION' })
})
