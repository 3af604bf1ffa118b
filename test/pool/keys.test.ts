/** Keys: one job at a time, in order; other jobs overtake. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'
import { Gate, sharedWords } from './gate.js'

const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), { maxWorkers: 4 })
after(() => pool.close())

test('jobs of one key run in the order given, never two at once', async () => {
  const log = sharedWords(1001)
  const words = sharedWords(1)
  const overlaps: Promise<number>[] = []
  const notes: Promise<void>[] = []
  for (let i = 0; i < 500; i++) {
    notes.push(pool.run('note', [log, i], { key: 'log' }))
    overlaps.push(pool.run('inside', [words, 20], { key: 'inside' }))
  }
  await Promise.all(notes)
  assert.deepEqual(
    [...log.subarray(1, 501)],
    Array.from({ length: 500 }, (_, i) => i),
  )
  assert.ok((await Promise.all(overlaps)).every((others) => others === 0))
})

test('a job without the key, and one with another, overtake a busy key', async () => {
  const gate = new Gate()
  const key = { any: 'value' }
  const held = pool.run('hold', [gate.words], { key })
  await gate.reached(1)
  let ran = false
  const behind = pool.run('add', [1, 1], { key }).then(() => {
    ran = true
  })
  assert.equal(await pool.run('add', [1, 2]), 3)
  assert.equal(await pool.run('add', [2, 2], { key: 'another' }), 4)
  assert.equal(ran, false)
  gate.open()
  await Promise.all([held, behind])
  assert.equal(ran, true)
})

test('keys are compared as a Map does', async () => {
  const gate = new Gate()
  const held = pool.run('hold', [gate.words], { key: '1' })
  await gate.reached(1)
  // The number is another key than the string.
  assert.equal(await pool.run('add', [1, 1], { key: 1 }), 2)
  gate.open()
  await held
})

test('as many keys as jobs, again and again', async () => {
  for (let round = 0; round < 5; round++) {
    const jobs = Array.from({ length: 3000 }, (_, i) => pool.run('add', [i, round], { key: `${round}/${i}` }))
    const sums = await Promise.all(jobs)
    assert.ok(sums.every((sum, i) => sum === i + round))
  }
})

test('a key holds between bounded and unbounded jobs', async () => {
  const words = sharedWords(1)
  const jobs = Array.from({ length: 300 }, (_, i) =>
    pool.run('inside', [words, 50], { key: 'k', unbounded: i % 2 === 0 }),
  )
  assert.ok((await Promise.all(jobs)).every((others) => others === 0))
})

test('jobs of a key keep their order through the backlog', async () => {
  const nr = 10_000
  const log = sharedWords(nr + 1)
  await Promise.all(Array.from({ length: nr }, (_, i) => pool.run('note', [log, i], { key: 'log' })))
  assert.ok(log.subarray(1).every((n, i) => n === i))
})
