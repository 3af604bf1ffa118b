import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { IO_WQ_WORK_CANCEL, IO_WQ_WORK_UNBOUND, WORKER, WORKER_IDLE } from './layout.js'
import { DIE, DIE_IN_LOCK, DIE_IN_STEP, HOLD, INSIDE, NOOP, NOTE, WAIT_CANCEL } from './wq.test.ops.js'
import { Stand, until } from './wq.test.stand.js'

const count = (n: number) => Array.from({ length: n }, (_, i) => i)

test('hashed work never overlaps, and is first in, first out', async () => {
  const stand = new Stand()
  const [log, inside] = [stand.words(200), stand.words(1)]
  const notes = count(100).map((i) => stand.hashed(NOTE, log, i, 3).end)
  const others = count(100).map(() => stand.hashed(INSIDE, inside, 30, 4).end)
  await Promise.all(notes)
  assert.deepEqual(stand.log(log), count(100))
  assert.ok((await Promise.all(others)).every(({ result }) => result === 0))
  await stand.close()
})

test('other work overtakes a busy bucket, hashed or not', async () => {
  const stand = new Stand()
  const gate = stand.words(2)
  const held = stand.hashed(HOLD, gate, 0, 0)
  await stand.arrived(gate)
  const behind = stand.hashed(NOOP, 0, 0, 0)
  await stand.hashed(NOOP, 0, 0, 1).end
  // An unhashed item's bucket word is 0, and it is not of bucket 0.
  await stand.flush()
  assert.ok(stand.ends.has(behind.item))
  stand.open(gate)
  assert.equal((await held.end).how, 'done')
  assert.equal((await behind.end).how, 'done')
  await stand.close()
})

test('a bucket is held until the last of the run that one worker took', async () => {
  const stand = new Stand()
  const [one, other, first, second] = [stand.words(2), stand.words(2), stand.words(2), stand.words(2)]
  const ends = [stand.give(HOLD, one).end, stand.give(HOLD, other).end]
  await Promise.all([stand.arrived(one), stand.arrived(other)])
  ends.push(stand.hashed(HOLD, first, 0, 6).end, stand.hashed(HOLD, second, 0, 6).end)
  stand.open(one)
  await stand.arrived(first)
  const behind = stand.hashed(NOOP, 0, 0, 6)
  stand.open(other)
  stand.open(first)
  await stand.arrived(second)
  // The other worker passes it over.
  await stand.flush()
  assert.ok(stand.ends.has(behind.item))
  stand.open(second)
  await Promise.all([...ends, behind.end])
  await stand.close()
})

test('a grace period lasts until each worker has let go of what it had in hand, and no longer', async () => {
  const stand = new Stand()
  const [first, second] = [stand.words(2), stand.words(2)]
  const held = stand.give(HOLD, first)
  await stand.arrived(first)
  const isOver = stand.wq.grace()
  assert.equal(isOver(), false)
  stand.open(first)
  await held.end
  // What is in hand by now does not matter.
  const next = stand.give(HOLD, second)
  await stand.arrived(second)
  await until(isOver, 'the grace period ends')
  stand.open(second)
  await next.end
  assert.equal(stand.wq.grace()(), true)
  await stand.close()
})

test('a bucket is one across both accounts', async () => {
  const stand = new Stand()
  const inside = stand.words(1)
  const flags = [0, IO_WQ_WORK_UNBOUND]
  const ends = count(120).map((i) => stand.hashed(INSIDE, inside, 50, 5, flags[i % 2]).end)
  assert.ok((await Promise.all(ends)).every(({ result }) => result === 0))
  await stand.close()
})

test('a bucket freed in one account wakes who waits for it in the other', async () => {
  const stand = new Stand({ maxWorkers: [2, 2], maxRunning: 8 })
  const [a, b, c] = [stand.words(2), stand.words(2), stand.words(2)]
  const held = [stand.hashed(HOLD, a, 0, 1), stand.hashed(HOLD, b, 0, 2, IO_WQ_WORK_UNBOUND)]
  await Promise.all([stand.arrived(a), stand.arrived(b)])
  const behindA = stand.hashed(HOLD, c, 0, 1)
  const behindB = stand.hashed(NOOP, 0, 0, 2)
  // The second bounded worker has seen that both wait.
  await stand.flush()
  stand.open(a)
  await stand.arrived(c)
  stand.open(b)
  await behindB.end
  stand.open(c)
  await Promise.all([...held, behindA].map(({ end }) => end))
  await stand.close()
})

test('no more workers than allowed, and more once allowed', async () => {
  const stand = new Stand({ maxWorkers: [2, 1] })
  const [gate, unbound] = [stand.words(2), stand.words(2)]
  const held = count(6).map(() => stand.give(HOLD, gate).end)
  held.push(...count(3).map(() => stand.give(HOLD, unbound, 0, IO_WQ_WORK_UNBOUND).end))
  await Promise.all([stand.arrived(gate, 2), stand.arrived(unbound)])
  assert.deepEqual(stand.wq.counts().workers, [2, 1])
  assert.deepEqual(stand.wq.maxWorkers(4, 0), [2, 1])
  await stand.arrived(gate, 4)
  assert.deepEqual(stand.wq.maxWorkers(1, 2), [4, 1])
  // Lowering kills nobody.
  await stand.arrived(unbound, 2)
  assert.deepEqual(stand.wq.counts().workers, [4, 2])
  stand.open(gate)
  stand.open(unbound)
  await Promise.all(held)
  await stand.close()
})

test('a blocked worker makes room for another, a busy one does not', async () => {
  const stand = new Stand({ maxWorkers: [4, 1], concurrency: 1, maxRunning: 1 })
  const [gate, busy] = [stand.words(2), stand.words(2)]
  const held = stand.give(HOLD, gate)
  await stand.arrived(gate)
  // Its thread sleeps in a futex: the sampler sees it, and this runs on a second worker.
  await stand.flush()
  const spinning = stand.give(WAIT_CANCEL, busy)
  await stand.arrived(busy)
  // On a machine under load a third may have come up, for the second slept before it was seen to run.
  const nrWorkers = stand.wq.counts().workers[0]
  assert.ok(nrWorkers >= 2)
  const waiting = stand.give(NOOP)
  for (const end = performance.now() + 20; performance.now() < end; ) await new Promise((r) => setImmediate(r))
  assert.equal(stand.wq.counts().workers[0], nrWorkers)
  assert.ok(stand.ends.has(waiting.item))
  assert.equal(stand.wq.cancel(spinning.item), 'running')
  assert.equal((await spinning.end).result, 1)
  await waiting.end
  stand.open(gate)
  await held.end
  await stand.close()
})

test('cancel: ok for what is queued, running for what runs, notfound for what has ended', async () => {
  const stand = new Stand({ maxWorkers: [1, 1] })
  const gate = stand.words(2)
  const running = stand.give(WAIT_CANCEL, gate)
  await stand.arrived(gate)
  const queued = stand.give(NOOP)
  assert.equal(stand.wq.cancel(queued.item), 'ok')
  assert.equal((await queued.end).how, 'cancelled')
  assert.equal(stand.wq.cancel(running.item), 'running')
  assert.equal((await running.end).how, 'done')
  assert.equal(stand.wq.cancel(running.item), 'notfound')
  await stand.close()
})

test('cancel of the last of a bucket: its run ends at the one before, the next joins it in order', async () => {
  const stand = new Stand({ maxWorkers: [1, 1] })
  const [gate, log] = [stand.words(2), stand.words(50)]
  const held = stand.give(HOLD, gate)
  await stand.arrived(gate)
  const ends = [stand.give(NOTE, log, 0).end]
  ends.push(...[1, 2].map((i) => stand.hashed(NOTE, log, i, 0).end))
  const last = stand.hashed(NOTE, log, 3, 0)
  ends.push(stand.give(NOTE, log, 10).end)
  assert.equal(stand.wq.cancel(last.item), 'ok')
  ends.push(stand.hashed(NOTE, log, 4, 0).end)
  const alone = stand.hashed(NOTE, log, 5, 1)
  // The one before it is unhashed, whose bucket word reads 0 as well.
  assert.equal(stand.wq.cancel(alone.item), 'ok')
  ends.push(stand.hashed(NOTE, log, 11, 1).end)
  stand.open(gate)
  await Promise.all([held.end, ...ends])
  assert.deepEqual(stand.log(log), [0, 1, 2, 4, 10, 11])
  await stand.close()
})

test('cancel of an item in a worker’s hands: it never runs, its record comes home', async () => {
  const stand = new Stand({ maxWorkers: [1, 1] })
  const [first, gate, log] = [stand.words(2), stand.words(2), stand.words(50)]
  const blocker = stand.give(HOLD, first)
  await stand.arrived(first)
  const held = stand.hashed(HOLD, gate, 0, 7)
  const notes = count(4).map((i) => stand.hashed(NOTE, log, i, 7))
  stand.open(first)
  await stand.arrived(gate)
  assert.equal(stand.wq.cancel(notes[0]!.item), 'ok')
  assert.equal(stand.wq.cancel(notes[2]!.item), 'ok')
  stand.open(gate)
  await Promise.all([blocker, held, ...notes].map(({ end }) => end))
  assert.deepEqual(stand.log(log), [1, 3])
  await stand.flush()
  await until(() => stand.wq.counts().items === 0, 'all records are free')
  await stand.close()
})

test('cancelMatch: the strongest answer, all or the first', async () => {
  const stand = new Stand({ maxWorkers: [1, 1] })
  const gate = stand.words(2)
  const running = stand.give(WAIT_CANCEL, gate)
  await stand.arrived(gate)
  const queued = count(3).map(() => stand.give(NOOP))
  assert.equal(
    stand.wq.cancelMatch(() => false, true),
    'notfound',
  )
  assert.equal(
    stand.wq.cancelMatch(() => true, false),
    'ok',
  )
  assert.equal(stand.ends.size, 3)
  assert.equal(
    stand.wq.cancelMatch(() => true, true),
    'running',
  )
  await Promise.all([running, ...queued].map(({ end }) => end))
  await stand.close()
})

test('one item makes one worker, however long it takes to start', async () => {
  const stand = new Stand({ maxWorkers: [4, 4], maxRunning: 4, concurrency: 4 })
  await stand.flush()
  assert.equal(stand.wq.counts().created, 1)
  await Promise.all(count(3).map(() => stand.give(NOOP).end))
  assert.ok(stand.wq.counts().created <= 3)
  await stand.close()
})

test('after the idle timeout one worker of an account stays', async () => {
  const stand = new Stand({ maxWorkers: [3, 3], maxRunning: 8, idleTimeoutMs: 10 })
  const gate = stand.words(2)
  const held = count(3).map(() => stand.give(HOLD, gate).end)
  await stand.arrived(gate, 3)
  stand.open(gate)
  await Promise.all(held)
  await until(() => stand.wq.counts().workers[0] === 1, 'two of three leave')
  const word = stand.wq.mem
  const idle = () => count(8).filter((slot) => word.words[word.worker(slot) + (WORKER.at.state >> 2)] === WORKER_IDLE)
  await until(() => idle().length === 1, 'one is idle')
  await stand.flush()
  await stand.close()
})

test('exit on idle leaves none, and is taken back by clearing it', async () => {
  const stand = new Stand({ maxWorkers: [2, 2] })
  await stand.flush()
  const tids = threadIds(stand)
  stand.wq.setExitOnIdle(true)
  await stand.wq.workersGone()
  assert.deepEqual(stand.wq.counts().workers, [0, 0])
  assert.ok(tids.every((tid) => !existsSync(`/proc/self/task/${tid}`)))
  // A busy worker finishes what is queued first.
  const ends = count(20).map(() => stand.give(NOOP).end)
  await Promise.all(ends)
  await stand.wq.workersGone()
  stand.wq.setExitOnIdle(false)
  await stand.flush()
  assert.equal(stand.wq.counts().workers[0], 1)
  await stand.close()
})

test('exit runs bounded work to its end, cancels unbounded, and what comes later', async () => {
  const stand = new Stand({ maxWorkers: [1, 1] })
  const [gate, unbound] = [stand.words(2), stand.words(2)]
  const held = stand.give(HOLD, gate)
  const unboundHeld = stand.give(HOLD, unbound, 0, IO_WQ_WORK_UNBOUND)
  await Promise.all([stand.arrived(gate), stand.arrived(unbound)])
  const bounded = count(5).map(() => stand.give(NOOP).end)
  const unbounded = stand.give(NOOP, 0, 0, IO_WQ_WORK_UNBOUND)
  const closed = stand.close()
  assert.equal((await unbounded.end).how, 'cancelled')
  assert.equal((await stand.give(NOOP).end).how, 'cancelled')
  stand.open(gate)
  stand.open(unbound)
  assert.deepEqual([(await held.end).how, (await unboundHeld.end).how], ['done', 'done'])
  assert.ok((await Promise.all(bounded)).every(({ how }) => how === 'done'))
  await closed
})

test('an item that carries CANCEL is cancelled at once', async () => {
  const stand = new Stand()
  assert.equal((await stand.give(NOOP, 0, 0, IO_WQ_WORK_CANCEL).end).how, 'cancelled')
  await stand.close()
})

test('a worker that dies fails its item; the rest goes on, its bucket in order', async () => {
  const stand = new Stand({ maxWorkers: [1, 1] })
  const [gate, log] = [stand.words(2), stand.words(50)]
  const held = stand.give(HOLD, gate)
  await stand.arrived(gate)
  const dying = stand.hashed(DIE, 0, 0, 2)
  const notes = count(10).map((i) => stand.hashed(NOTE, log, i, 2).end)
  stand.open(gate)
  assert.equal((await dying.end).how, 'died')
  await Promise.all([held.end, ...notes])
  assert.deepEqual(stand.log(log), count(10))
  await stand.close()
})

test('a worker that dies holding its account’s lock', async () => {
  const stand = new Stand({ maxWorkers: [2, 1] })
  const gate = stand.words(2)
  const held = stand.give(HOLD, gate)
  await stand.arrived(gate)
  const dying = stand.give(DIE_IN_LOCK)
  const rest = count(20).map(() => stand.give(NOOP).end)
  assert.equal((await dying.end).how, 'died')
  assert.ok((await Promise.all(rest)).every(({ how }) => how === 'done'))
  stand.open(gate)
  await held.end
  await stand.close()
})

test('a bucket whose holder dies is free for the other account', async () => {
  const stand = new Stand({ maxWorkers: [1, 1] })
  await stand.flush()
  const gate = stand.words(2)
  const held = stand.hashed(HOLD, gate, 0, 9, IO_WQ_WORK_UNBOUND)
  await stand.arrived(gate)
  const waiting = stand.hashed(NOOP, 0, 0, 9)
  // The bounded worker sees the bucket busy, and stalls.
  await stand.flush()
  assert.ok(stand.wq.terminateRunning(held.item))
  assert.equal((await held.end).how, 'died')
  assert.equal((await waiting.end).how, 'done')
  await stand.close()
})

test('a worker that dies before any one of its steps: every item ends once, its bucket stays in order', async () => {
  const stand = new Stand()
  // From inside an item: its end, the next items' taking and end, to the sleep behind them.
  for (let step = 1; step <= 60; step++) {
    const [log, gate] = [stand.words(10), stand.words(2)]
    const held = stand.hashed(HOLD, gate, 0, 1)
    await stand.arrived(gate)
    const items = [
      stand.hashed(DIE_IN_STEP, 0, step, 1),
      ...count(3).map((i) => stand.hashed(NOTE, log, 1 + i, 1)),
      ...count(3).map((i) => stand.give(NOTE, log, 10 + i)),
    ]
    stand.open(gate)
    const ends = await Promise.all([held, ...items].map(({ end }) => end))
    const hows = ends.map(({ how }) => how)
    assert.ok(hows.filter((how) => how === 'died').length <= 1, `step ${step}: ${hows}`)
    assert.ok(!hows.includes('cancelled'), `step ${step}: ${hows}`)
    // One that died between its count and its note left 0.
    const notes = stand.log(log).filter((n) => n > 0 && n < 10)
    assert.deepEqual(
      notes,
      notes.toSorted((x, y) => x - y),
      `step ${step}`,
    )
  }
  await stand.close()
})

function threadIds(stand: Stand): number[] {
  const { mem } = stand.wq
  return count(8)
    .map((slot) => mem.words[mem.worker(slot) + (WORKER.at.tid >> 2)]!)
    .filter((tid) => tid !== 0)
}
