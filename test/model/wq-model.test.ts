/**
 * Generated histories of an io-wq against its model: invariants 7 to 10 and 13 to 17 of ARCHITECTURE.md. Main thread.
 *
 * URING_SEED=<n> and URING_RUNS=<n> replay and lengthen it.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { watch } from '../conformance/watchdog.js'
import { drawSeed } from '../seed.js'
import { describeHistory, drawHistory } from './wq-history.js'
import { tryHistory } from './wq-trial.js'

const { seed: SEED, runs: RUNS } = drawSeed(6)
const LIMIT_MS = 60_000
// Workers do not keep the process alive.
const alive = setInterval(() => {}, 60_000)
after(() => clearInterval(alive))

test(`an io-wq does what its model may do, in ${RUNS} generated histories`, async (t) => {
  let nrStates = 0
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const done = watch(`a history of io-wq, URING_SEED=${seed} URING_RUNS=1`, LIMIT_MS)
    const history = drawHistory(seed)
    try {
      nrStates += await tryHistory(history)
    } catch (error) {
      const text = error instanceof Error ? error.stack : String(error)
      assert.fail(`URING_SEED=${seed} URING_RUNS=1 replays it\n${describeHistory(history)}\n${text}`)
    }
    done()
  }
  t.diagnostic(`${nrStates} states of the model`)
})
