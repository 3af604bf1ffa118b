/**
 * What operations use lives as long as they do, at a small size; `npm run stress` is the full one. Main thread.
 *
 * URING_SEED=<n> replays what was drawn, though not how the threads met.
 */
import { after, test } from 'node:test'
import { probe } from '../../src/backends/kernel/probe.js'
import { drawSeed } from '../seed.js'
import { stressDropped } from './dropped.js'
import { stressTerminated } from './terminated.js'

const { seed: SEED } = drawSeed()
/** On a machine that does much else fewer rounds do; the command runs them all. */
const LIMIT_MS = 20_000
// Workers do not keep the process alive.
const alive = setInterval(() => {}, 60_000)
after(() => clearInterval(alive))

for (const backend of ['kernel', 'threads'] as const) {
  const skip = backend === 'kernel' ? (probe()?.reason ?? false) : false

  test(`what callers drop lives until its operation has ended (${backend})`, { skip }, async (t) => {
    t.diagnostic(await stressDropped({ backend, rounds: 6, seed: SEED }))
  })

  test(`a Worker that ends with reads in flight has nothing written to freed memory (${backend})`, {
    skip,
  }, async (t) => {
    t.diagnostic(
      await stressTerminated({ backend, rounds: backend === 'kernel' ? 20 : 3, limitMs: LIMIT_MS, seed: SEED }),
    )
  })
}
