/**
 * Generated programs against the rules, and backend against backend. Main thread.
 *
 * URING_SEED=<n> and URING_RUNS=<n> replay and lengthen it; fuzz.ts is the same as a command, and shrinks.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { watch } from '../conformance/watchdog.js'
import { drawSeed } from '../seed.js'
import { generate } from './generate.js'
import { Prng } from './prng.js'
import { describe } from './program.js'
import { shrink } from './shrink.js'
import { holdWorkers, missing, names, report, Tally, trial } from './trial.js'

const { seed, runs } = drawSeed(120)
const LIMIT_MS = 200_000

let release: () => void

before(() => {
  release = holdWorkers()
})

after(() => {
  release()
  for (const reason of missing) console.log(`not compared: ${reason}`)
})

test('the same seed gives the same program, and another gives another', () => {
  for (let i = 0; i < 20; i++) assert.equal(describe(generate(seed + i)), describe(generate(seed + i)))
  assert.notEqual(describe(generate(1)), describe(generate(2)))
  assert.equal(new Prng(1).bits(), 2693262067)
})

test(`${runs} generated programs keep the rules on ${names.join(' and ') || 'no backend'}`, async () => {
  const done = watch(`generated programs, URING_SEED=${seed}`, LIMIT_MS)
  const tally = new Tally()
  for (let i = 0; i < runs && names.length > 0; i++) {
    const program = generate(seed + i)
    const wrong = await trial(program, tally)
    if (wrong.length === 0) continue
    const small = await shrink(program, async (smaller) => (await trial(smaller)).length > 0, 100)
    assert.fail(`URING_SEED=${seed + i} URING_RUNS=1 replays it; shrunk:\n${report(small, await trial(small))}`)
  }
  done()
  for (const line of tally.lines()) console.log(line)
})
