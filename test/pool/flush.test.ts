/** pool.flush: what was given before has settled, and nothing else is waited for. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'
import { Gate } from './gate.js'

const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), { maxWorkers: 3 })
after(() => pool.close())

/** Whether a promise has settled. */
function watch(promise: Promise<unknown>): { done: boolean } {
  const seen = { done: false }
  const note = () => {
    seen.done = true
  }
  promise.then(note, note)
  return seen
}

test('with nothing in flight it resolves', async () => {
  await pool.flush()
})

test('it waits for what was given before, also where that fails, and not for what came after', async () => {
  const before = new Gate()
  const later = new Gate()
  const held = watch(pool.run('hold', [before.words]))
  const failed = watch(pool.run('fail'))
  const flushed = pool.flush()
  const flush = watch(flushed)
  const after = watch(pool.run('hold', [later.words]))
  await Promise.all([before.reached(1), later.reached(1)])
  await pool.run('noop', [], { unbounded: true })
  assert.equal(flush.done, false)
  before.open()
  await flushed
  assert.deepEqual([held.done, failed.done, after.done], [true, true, false])
  later.open()
  await pool.flush()
  assert.equal(after.done, true)
})

test('several: each after the one before', async () => {
  const [first, second] = [new Gate(), new Gate()]
  const order: string[] = []
  void pool.run('hold', [first.words])
  const one = pool.flush().then(() => order.push('one'))
  void pool.run('hold', [second.words])
  const two = pool.flush().then(() => order.push('two'))
  const three = pool.flush().then(() => order.push('three'))
  await Promise.all([first.reached(1), second.reached(1)])
  second.open()
  await pool.run('noop', [], { unbounded: true })
  assert.deepEqual(order, [])
  first.open()
  await Promise.all([one, two, three])
  assert.deepEqual(order, ['one', 'two', 'three'])
})

test('through the backlog, with jobs cancelled in between', async () => {
  const gate = new Gate()
  const held = Array.from({ length: 3 }, () => pool.run('hold', [gate.words]))
  await gate.reached(3)
  const jobs = Array.from({ length: 9000 }, (_, i) => watch(pool.run('noop', [], { id: i % 3 })))
  const flushed = pool.flush()
  assert.equal(pool.cancel(1), 'ok')
  gate.open()
  await flushed
  assert.ok(jobs.every(({ done }) => done))
  await Promise.all(held)
})
