/**
 * A worker is interrupted for the item that was cancelled, again and again until that has ended, and never for the next one.
 * Main thread: it is the owner, and leaves its event loop alone, so that no tick comes but those it makes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { futexWake, loadAcquire, storeRelease } from '../../src/lib/barrier.js'
import { nowMs } from '../../src/lib/clock.js'
import { NONE } from '../../src/lib/mpscq.js'
import { Wq } from '../../src/wq/wq.js'
import { A, ARRIVED, HOLD, OP, RELEASED, WAIT_CANCEL } from '../../src/wq/wq.test.ops.js'

const HELD = 16
const WAITING = 32
const LIMIT_MS = 60_000

/** An io-wq of one worker and one record, and the times that its thread was interrupted. */
function stand() {
  const shared = new Int32Array(new SharedArrayBuffer(256))
  const counts = { interrupts: 0 }
  const wq = new Wq({
    nrSlots: 1,
    nrQueues: 1,
    nrBuckets: 1,
    nrItems: 1,
    payloadBytes: 16,
    payloadHash: 1,
    workerEntry: new URL('../../src/wq/wq.test.worker.js', import.meta.url),
    workerData: () => ({ shared }),
    maxWorkers: [1, 1],
    concurrency: 1,
    maxRunning: 1,
    spinUs: 0,
    hooks: {
      onCancelled: () => assert.fail('nothing is cancelled in a queue'),
      onDied: () => assert.fail('nobody dies'),
      interrupt: () => {
        counts.interrupts++
      },
    },
  })
  const give = (op: number, word: number) => {
    const item = wq.alloc()
    assert.notEqual(item, NONE, 'the record is free')
    const p = wq.mem.payload(item)
    wq.mem.words[p + OP] = op
    wq.mem.words[p + A] = word
    storeRelease(shared, word + ARRIVED, 0)
    storeRelease(shared, word + RELEASED, 0)
    wq.enqueue(item, 0, 0, 0)
    return item
  }
  return { wq, shared, counts, give }
}

/** Sleeps as an owner does, which looks at its workers as it wakes; `again` says whether once more. */
function look(wq: Wq, again: () => boolean): void {
  const end = nowMs() + LIMIT_MS
  while (again()) {
    assert.ok(nowMs() < end, 'it comes about')
    wq.sleep(2, 1, () => false)
  }
}

/** Without a look at anything. */
function spin(again: () => boolean): void {
  const end = nowMs() + LIMIT_MS
  while (again()) assert.ok(nowMs() < end, 'it comes about')
}

async function arrived(shared: Int32Array, word: number): Promise<void> {
  const end = nowMs() + LIMIT_MS
  while (loadAcquire(shared, word + ARRIVED) === 0) {
    assert.ok(nowMs() < end, 'the item begins')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('the next item in a record, on the same worker, is not interrupted for the one before', async () => {
  const { wq, shared, counts, give } = stand()
  const first = give(WAIT_CANCEL, WAITING)
  await arrived(shared, WAITING)
  assert.equal(wq.cancel(first), 'running')
  assert.equal(counts.interrupts, 1)
  let home = NONE
  spin(() => {
    home = wq.popTaskWork(0)
    return home === NONE
  })
  wq.free(home)
  const second = give(HOLD, HELD)
  assert.equal(second, first)
  spin(() => loadAcquire(shared, HELD + ARRIVED) === 0)
  let looks = 0
  look(wq, () => looks++ < 20)
  assert.equal(counts.interrupts, 1, 'nobody cancelled the second')
  storeRelease(shared, HELD + RELEASED, 1)
  futexWake(shared, HELD + RELEASED, 1)
  look(wq, () => {
    home = wq.popTaskWork(0)
    return home === NONE
  })
  wq.free(home)
  await wq.exit()
})

test('one that does not come out of its wait is interrupted again, cancelled or terminated', async () => {
  for (const how of ['cancel', 'terminate']) {
    const { wq, shared, counts, give } = stand()
    const item = give(HOLD, HELD)
    await arrived(shared, HELD)
    if (how === 'cancel') assert.equal(wq.cancel(item), 'running')
    // Its thread stays in the call until this thread lets it go: the end of a Worker waits for that.
    else wq.crew.interrupt(wq.runningIn(item), wq.mem.item(item))
    look(wq, () => counts.interrupts < 20)
    storeRelease(shared, HELD + RELEASED, 1)
    futexWake(shared, HELD + RELEASED, 1)
    let home = NONE
    look(wq, () => {
      home = wq.popTaskWork(0)
      return home === NONE
    })
    wq.free(home)
    const told = counts.interrupts
    let looks = 0
    look(wq, () => looks++ < 10)
    assert.ok(counts.interrupts <= told, 'and no more')
    await wq.exit()
  }
})
