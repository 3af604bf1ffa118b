/**
 * A turn of the event loop ends, whatever completes at once: counted in rounds, on a clock of the test's own. Main
 * thread.
 */
import assert from 'node:assert/strict'
import { afterEach } from 'node:test'
import { setClock } from '../lib/clock.js'
import { onEachBackend } from './driver.test.backends.js'
import type { Uring } from './uring.js'

afterEach(() => setClock(undefined))

const MAX_ROUNDS = 64

/** How many operations, each issued when the one before has ended, come between one immediate and the next. */
async function roundsATurn(ring: Uring, nrTurns = 5): Promise<number[]> {
  const rounds: number[] = []
  let nr = 0
  const count = () => {
    rounds.push(nr)
    nr = 0
    if (rounds.length < nrTurns) setImmediate(count)
  }
  setImmediate(count)
  while (rounds.length < nrTurns) {
    await ring.nop()
    nr++
  }
  // The first was begun in the middle, by the caller.
  return rounds.slice(1)
}

onEachBackend('with no time at all, every other round leaves the event loop a turn', async (open) => {
  const rounds = await roundsATurn(await open({ maxTurnMs: 0 }))
  // The second is for a caller that computed since the first, which cannot be told from a new turn.
  assert.deepEqual(rounds, [2, 2, 2, 2])
})

onEachBackend('with all the time, a turn ends after 64 rounds', async (open) => {
  setClock(() => 1)
  const rounds = await roundsATurn(await open({ maxTurnMs: Number.POSITIVE_INFINITY }))
  assert.deepEqual(rounds, [MAX_ROUNDS, MAX_ROUNDS, MAX_ROUNDS, MAX_ROUNDS])
})

onEachBackend('a turn ends when its time is over, not before', async (open) => {
  let now = 0
  // Each look at the clock takes a quarter of a millisecond.
  setClock(() => {
    now += 0.25
    return now
  })
  const rounds = await roundsATurn(await open({ maxTurnMs: 2 }))
  for (const nr of rounds) assert.ok(nr >= 4 && nr <= 8, `${nr} rounds of 0.25 ms in a turn of 2 ms`)
})

onEachBackend('what is ready all the time does not keep a timer from its turn', async (open) => {
  for (const maxTurnMs of [0, 1, Number.POSITIVE_INFINITY]) {
    const ring = await open({ maxTurnMs })
    let isOver = false
    const over = new Promise<void>((resolve) => {
      setTimeout(() => {
        isOver = true
        resolve()
      }, 1)
    })
    const loop = async () => {
      while (!isOver) await ring.nop()
    }
    await Promise.all([over, ...Array.from({ length: 128 }, loop)])
  }
})
