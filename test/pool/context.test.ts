/** AsyncLocalStorage: kept at the caller, and carried into the worker where the pool is asked to. */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'
import { jobContext } from '../../src/pool/worker/job.js'
import { Gate, rejectionOf, sharedWords } from './gate.js'

const jobs = new URL('./jobs.js', import.meta.url)
const request = new AsyncLocalStorage<unknown>()
const user = new AsyncLocalStorage<string>()
const pool = new Pool<typeof import('./jobs.js')>(jobs, { maxWorkers: 1, asyncContext: { request, user } })
const plain = new Pool<typeof import('./jobs.js')>(jobs, { maxWorkers: 1 })
after(() => Promise.all([pool.close(), plain.close()]))

test('what follows a job finds its own context, however the job ends', async () => {
  const gate = new Gate()
  const held = plain.run('hold', [gate.words])
  await gate.reached(1)
  const seen = Array.from({ length: 50 }, (_, i) =>
    user.run(`user ${i}`, async () => {
      if (i % 4 === 0) await plain.run('fail').catch(() => {})
      else if (i % 4 === 1) await rejectionOf(plain.run('noop', [], { id: 'cancelled' }))
      else if (i % 4 === 2) await plain.run('echoLater', [i])
      else for await (const _ of plain.map([1, 2], 'echo')) assert.equal(user.getStore(), `user ${i}`)
      return user.getStore()
    }),
  )
  const thens = user.run('then', () => plain.run('noop').then(() => user.getStore()))
  plain.cancel('cancelled')
  gate.open()
  await held
  assert.deepEqual(
    await Promise.all(seen),
    Array.from({ length: 50 }, (_, i) => `user ${i}`),
  )
  assert.equal(await thens, 'then')
  assert.equal(user.getStore(), undefined)
})

test('flush and ready keep it too', async () => {
  await user.run('u', async () => {
    await plain.flush()
    await plain.ready()
    assert.equal(user.getStore(), 'u')
  })
})

test('a job finds the values of the caller, after an await too', async () => {
  const id = { id: 7, tags: new Set(['a']) }
  const found = request.run(id, () => user.run('ann', () => pool.run('contexts', ['request', 'user', 'other'])))
  assert.deepEqual(await found, [
    [id, 'ann', undefined],
    [id, 'ann', undefined],
  ])
})

test('a generator finds them too', async () => {
  const values: unknown[] = []
  for await (const value of user.run('ann', () => pool.iterate('yieldContexts', ['user', 1, 2]))) values.push(value)
  assert.deepEqual(values, ['ann', 'ann', 1, 2])
  assert.equal(user.run('bob', () => pool.runSync('contextAndArgs', ['user', 1]))[0], 'bob')
})

test('each job its own, and none where the caller has none', async () => {
  const results = await Promise.all(
    Array.from({ length: 300 }, (_, i) => {
      const run = () => pool.run('contextAndArgs', ['user', i])
      return i % 3 === 0 ? run() : user.run(`user ${i}`, run)
    }),
  )
  assert.ok(results.every(([found, arg], i) => found === (i % 3 === 0 ? undefined : `user ${i}`) && arg === i))
})

test('values are copied as arguments are: shared memory is shared, what cannot be cloned rejects', async () => {
  const words = sharedWords(1)
  await request.run({ words }, () => pool.run('writeToContext', ['request', 5]))
  assert.equal(words[0], 5)
  const big = 'x'.repeat(100_000)
  const found = await request.run(big, () => pool.run('contextAndArgs', ['request', 1]))
  assert.deepEqual(found, [big, 1])
  const error = await request.run({ f: () => {} }, () => rejectionOf(pool.run('noop')))
  assert.equal(error.name, 'DataCloneError')
})

test('a pool that was not asked carries nothing; names of objects are no contexts', async () => {
  assert.deepEqual(await user.run('u', () => plain.run('contextAndArgs', ['user', 1])), [undefined, 1])
  assert.deepEqual(await user.run('u', () => pool.run('contextAndArgs', ['toString', 1])), [undefined, 1])
  assert.equal(jobContext('user'), undefined)
})

test('an error’s stack ends with the job, not with what brought the context', async () => {
  const error = await user.run('u', () => rejectionOf(pool.run('fail')))
  assert.match(error.stack ?? '', /at fail /)
  assert.doesNotMatch(error.stack ?? '', /job-stores|run-job|AsyncLocalStorage/)
})
