/** Names of jobs that do not exist, in any number, leave all others as they were. */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'
import { rejectionOf } from '../pool/gate.js'

const jobs = new URL('../pool/jobs.js', import.meta.url)
const store = new AsyncLocalStorage<string>()
const pool = new Pool<typeof import('../pool/jobs.js')>(jobs, { maxWorkers: 1, asyncContext: { store } })
after(() => pool.close())

test('after two thousand wrong names every kind of job is found, again and again', async () => {
  const wrong = Array.from({ length: 2000 }, (_, i) => rejectionOf(pool.run(`wrong${i}` as 'noop')))
  for (const error of await Promise.all(wrong)) assert.equal(error['code'], 'ERR_URING_NO_SUCH_JOB')
  for (let round = 0; round < 3; round++) {
    assert.equal(await pool.run('add', [1, 2]), 3)
    assert.equal(pool.runSync('add', [2, 2]), 4)
    assert.deepEqual(await store.run('mine', () => pool.run('contextAndArgs', ['store', 5])), ['mine', 5])
    assert.deepEqual(await store.run('mine', () => pool.run('contexts', ['store'])), [['mine'], ['mine']])
    const yielded: unknown[] = []
    for await (const value of pool.iterate('yieldContexts', ['store', 1])) yielded.push(value)
    assert.deepEqual(yielded, [undefined, undefined, 1])
    assert.equal((await rejectionOf(pool.run('fail')))['status'], 503)
  }
})

test('a name of any length, shown as it is, and in the backlog', async () => {
  const long = 'x'.repeat(70_000)
  const names: string[] = []
  const many = Array.from({ length: 9000 }, (_, i) => pool.run('add', [i, 0]))
  const last = rejectionOf(pool.run(long as 'noop', [], { id: 'last' }))
  pool.cancel((job) => job.id === 'last' && names.push(job.name) < 0)
  assert.deepEqual(names, [long])
  assert.equal((await last)['code'], 'ERR_URING_NO_SUCH_JOB')
  await Promise.all(many)
  assert.equal((await rejectionOf(pool.run(long as 'noop')))['code'], 'ERR_URING_NO_SUCH_JOB')
})
