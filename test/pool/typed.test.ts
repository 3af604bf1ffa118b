/** What the compiler accepts: names, arguments and results come from the module's type. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'

const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), { maxWorkers: 1 })
after(() => pool.close())

test('a typed pool', async () => {
  const sum: number = await pool.run('add', [1, 2])
  // A job's promise is unwrapped; a function without parameters needs no array.
  const bytes: Uint8Array = await pool.run('fillLater', [2, 1])
  const nothing: unknown = await pool.run('noop')
  assert.deepEqual([sum, bytes.length, nothing], [3, 2, undefined])
})

test('mistakes do not compile', async () => {
  const mistakes = [
    // @ts-expect-error no such function
    () => pool.run('subtract', [1, 2]),
    // @ts-expect-error a class is none
    () => pool.run('HttpError', ['x', 1]),
    // @ts-expect-error an argument of another type
    () => pool.run('add', [1, 'x']),
    // @ts-expect-error too few
    () => pool.run('add', [1]),
    // @ts-expect-error none at all
    () => pool.run('add'),
  ]
  assert.equal(mistakes.length, 5)
})

test('a pool of an unknown module takes anything', async () => {
  await using any = new Pool(new URL('./jobs.js', import.meta.url), { maxWorkers: 1 })
  const sum: unknown = await any.run('add', [1, 2])
  assert.equal(sum, 3)
})
