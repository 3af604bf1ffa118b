/**
 * What cancels look at: those by user_data the requests that have it, however many others there are, and the end of a ring
 * each record once. Steps are counted, not time. Main thread.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IOSQE_ASYNC } from '../../src/abi/constants.js'
import { ByUserData } from '../../src/backends/threads/state/by-user-data.js'
import { Timers } from '../../src/backends/threads/state/timers.js'
import { ECANCELED } from '../../src/lib/errno.js'
import { NONE } from '../../src/lib/mpscq.js'
import { Slab } from '../../src/lib/slab.js'
import { prepCancel64, prepTimeout, prepTimeoutRemove, setUserData } from '../../src/ring/prep.js'
import type { Ring } from '../../src/ring/ring.js'
import { backends } from '../conformance/backends.js'
import { holdTheWorker } from '../conformance/cancelled.js'
import { drain, put, submit } from '../conformance/cqes.js'
import { nop } from '../conformance/fills.js'
import { Stand } from '../conformance/stand.js'
import { Prng } from '../model/prng.js'
import { drawSeed } from '../seed.js'

const NR = 4096
const HIGH = 7
const CANCEL = NR + 1

/** Steps of cancels: requests of a user_data handed out, and looks at how far all records go, as each step of a walk takes. */
function countSteps(run: () => void): number {
  let nr = 0
  const { first, next } = ByUserData.prototype
  const nrTouched = Object.getOwnPropertyDescriptor(Slab.prototype, 'nrTouched')!
  ByUserData.prototype.first = function (key) {
    nr++
    return first.call(this, key)
  }
  ByUserData.prototype.next = function (req) {
    nr++
    return next.call(this, req)
  }
  Object.defineProperty(Slab.prototype, 'nrTouched', {
    ...nrTouched,
    get() {
      nr++
      return nrTouched.get!.call(this)
    },
  })
  try {
    run()
  } finally {
    Object.assign(ByUserData.prototype, { first, next })
    Object.defineProperty(Slab.prototype, 'nrTouched', nrTouched)
  }
  return nr
}

/** Has `NR` requests wait in io-wq, 0 to NR - 1, behind its one worker, which a FIFO holds. */
function fill(stand: Stand): Ring {
  const ring = stand.openRing(1024, { cqEntries: 4 * NR })
  holdTheWorker(stand, ring)
  for (let i = 0; i < NR; i++) {
    const at = put(ring, 0, nop(), IOSQE_ASYNC)
    setUserData(ring.sq.words, at, i, HIGH)
    if ((i + 1) % 1024 === 0) submit(ring, 1024)
  }
  return ring
}

async function withStand(body: (stand: Stand) => void | Promise<void>): Promise<void> {
  const stand = new Stand(backends.find(({ name }) => name === 'threads')!)
  try {
    await body(stand)
  } finally {
    stand.close()
  }
}

test('as many cancels by user_data as requests take a few steps each', async () => {
  await withStand((stand) => {
    const ring = fill(stand)
    const random = new Prng(drawSeed().seed)
    const targets = Array.from({ length: NR }, (_, i) => i)
    for (let i = NR - 1; i > 0; i--) {
      const other = random.int(i + 1)
      ;[targets[i], targets[other]] = [targets[other]!, targets[i]!]
    }
    const nrSteps = countSteps(() => {
      for (const [i, target] of targets.entries()) {
        const at = put(ring, CANCEL, (words, at) => prepCancel64(words, at, target, HIGH))
        setUserData(ring.sq.words, at, target, CANCEL)
        if ((i + 1) % 1024 === 0) submit(ring, 1024)
      }
    })
    assert.ok(nrSteps <= 4 * NR, `${NR} cancels took ${nrSteps} steps`)
    const cqes = drain(ring)
    assert.equal(cqes.length, 2 * NR)
    const nrCancelled = cqes.filter(({ res }) => res === -ECANCELED).length
    assert.deepEqual([nrCancelled, cqes.filter(({ res }) => res === 0).length], [NR, NR])
    stand.release()
  })
})

test('a cancel or a remove by user_data looks at no other timeouts', async () => {
  await withStand((stand) => {
    const ring = stand.openRing(1024)
    const ts = stand.timespec(600_000)
    for (let i = 0; i < 512; i++) put(ring, i, (words, at) => prepTimeout(words, at, ts, i % 2 === 0 ? 0 : 10_000, 0))
    submit(ring, 512)
    let nrLooks = 0
    const { timeouts, timeoutsBy } = Timers.prototype
    Timers.prototype.timeouts = function () {
      const found = timeouts.call(this)
      nrLooks += found.length
      return found
    }
    Timers.prototype.timeoutsBy = function (key) {
      const found = timeoutsBy.call(this, key)
      nrLooks += found.length
      return found
    }
    try {
      for (let i = 0; i < 512; i++) {
        if (i % 3 === 0) put(ring, i, (words, at) => prepCancel64(words, at, i, 0))
        else put(ring, i, (words, at) => prepTimeoutRemove(words, at, i, 0, 0))
      }
      submit(ring, 512)
    } finally {
      Object.assign(Timers.prototype, { timeouts, timeoutsBy })
    }
    assert.equal(nrLooks, 512)
    const cqes = drain(ring)
    const ofRes = (wanted: number) => cqes.filter(({ res }) => res === wanted).length
    assert.deepEqual([cqes.length, ofRes(0), ofRes(-ECANCELED)], [1024, 512, 512])
  })
})

test('a ring that is closed looks at each request once', async () => {
  await withStand((stand) => {
    const ring = fill(stand)
    const nrSteps = countSteps(() => ring.queueExit())
    assert.ok(nrSteps <= 2 * NR, `${NR} requests took ${nrSteps} steps`)
    stand.release()
  })
})

test('requests are listed by key in the order in which they came', () => {
  const random = new Prng(drawSeed().seed)
  const index = new ByUserData()
  const naive = new Map<number, number[]>()
  const keys = [0, -1, 5, 2 ** 31 - 1]
  const keyOf = new Map<number, number>()
  for (let step = 0; step < 20_000; step++) {
    const req = random.int(3000)
    const key = keyOf.get(req) ?? random.pick(keys)
    const listed = naive.get(key) ?? []
    if (keyOf.delete(req)) {
      index.remove(req, key)
      naive.set(
        key,
        listed.filter((other) => other !== req),
      )
    } else {
      index.add(req, key)
      keyOf.set(req, key)
      naive.set(key, [...listed, req])
    }
    if (!random.oneIn(50)) continue
    for (const each of keys) {
      const found: number[] = []
      for (let at = index.first(each); at !== NONE; at = index.next(at)) found.push(at)
      assert.deepEqual(found, naive.get(each) ?? [])
    }
  }
})
