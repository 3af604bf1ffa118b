/**
 * A thread's io-wq leaves when idle exactly while that thread has no ring: rings opened, used and closed by chance.
 *
 * Invariant 18 of ARCHITECTURE.md, and with it 17: no worker is left then. URING_SEED=<n> replays it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IOSQE_ASYNC } from '../../src/abi/constants.js'
import { ThreadsSyscalls } from '../../src/backends/threads/index.js'
import { loadAcquire } from '../../src/lib/barrier.js'
import { prepNop, setFlags } from '../../src/ring/prep.js'
import { queueInit, type Ring } from '../../src/ring/ring.js'
import { WQ, WQ_EXIT_ON_IDLE } from '../../src/wq/layout.js'
import { Wq } from '../../src/wq/wq.js'
import { Prng } from '../model/prng.js'
import { until } from '../pool/gate.js'
import { drawSeed } from '../seed.js'

const { seed: SEED } = drawSeed()
const STEPS = 300
const MAX_RINGS = 3

/** The io-wq of this thread's rings, which they keep to themselves. */
function wqOf(open: () => Ring): [Ring, Wq] {
  const { setExitOnIdle } = Wq.prototype
  let seen: Wq | undefined
  Wq.prototype.setExitOnIdle = function (on) {
    seen = this
    setExitOnIdle.call(this, on)
  }
  try {
    const ring = open()
    assert.ok(seen !== undefined, 'opening a ring says that workers stay')
    return [ring, seen]
  } finally {
    Wq.prototype.setExitOnIdle = setExitOnIdle
  }
}

test('exit-on-idle is on while a thread has no ring, and never else', async () => {
  const rng = new Prng(SEED)
  const syscalls = new ThreadsSyscalls()
  const open = () => queueInit(syscalls, 8)
  const [first, wq] = wqOf(open)
  const rings = [first]
  const leaves = () => (loadAcquire(wq.mem.words, WQ.at.state >> 2) & WQ_EXIT_ON_IDLE) !== 0
  const isGone = () => wq.counts().workers.every((count) => count === 0)
  for (let step = 0; step < STEPS; step++) {
    const name = rings.length === 0 ? 'open' : rng.weighted({ open: 3, close: 4, use: 6 })
    if (name === 'open' && rings.length < MAX_RINGS) rings.push(open())
    else if (name === 'close') rings.splice(rng.int(rings.length), 1)[0]!.queueExit()
    else if (name === 'use') {
      const ring = rng.pick(rings)
      const at = ring.sq.getSqe()
      prepNop(ring.sq.words, at)
      setFlags(ring.sq.words, at, IOSQE_ASYNC)
      assert.equal(ring.submitAndWait(1), 1)
      ring.cq.advance(1)
      assert.ok(!isGone(), 'somebody was there to run it')
    }
    assert.equal(leaves(), rings.length === 0, `step ${step} (${name}): ${rings.length} rings are open`)
    if (rings.length === 0 && rng.oneIn(4)) await until(isGone, 'all workers leave')
  }
  for (const ring of rings) ring.queueExit()
  assert.ok(leaves())
  await until(isGone, 'all workers leave')
})
