/**
 * The stress runs at a small size; `npm run stress` is the full one. Main thread.
 *
 * URING_SEED=<n> replays what was drawn, though not how the threads met.
 */
import { after, test } from 'node:test'
import { probe } from '../../src/backends/kernel/probe.js'
import { drawSeed } from '../seed.js'
import { stressEnds } from './ends.js'
import { stressPool } from './pool-stress.js'
import { stressPositions } from './positions.js'
import { stressSteps } from './steps.js'

const { seed: SEED } = drawSeed()
// Workers do not keep the process alive.
const alive = setInterval(() => {}, 60_000)
after(() => clearInterval(alive))

test('a pool whose workers are killed at random instants loses nothing and runs nothing twice', async (t) => {
  t.diagnostic(await stressPool({ jobs: 20_000, kills: 40, seed: SEED }))
})

test('an io-wq through random steps loses no wake-up', async (t) => {
  for (let seed = SEED; seed < SEED + 3; seed++) t.diagnostic(await stressSteps({ steps: 3000, seed }))
})

test('threads that use rings end in all ways at random moments, and the process goes on', async (t) => {
  const backends = probe() === undefined ? (['kernel', 'threads'] as const) : (['threads'] as const)
  t.diagnostic(await stressEnds({ ends: 63, seed: SEED, backends, batch: 12 }))
})

for (const backend of ['kernel', 'threads'] as const) {
  const skip = backend === 'kernel' ? (probe()?.reason ?? false) : false

  test(`what was written at a file's own position is there, in the order of issue (${backend})`, {
    skip,
  }, async (t) => {
    t.diagnostic(await stressPositions({ backend, rounds: 3, seed: SEED }))
  })
}
