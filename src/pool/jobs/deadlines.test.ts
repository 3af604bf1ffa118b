/** Which deadline the one timer is set for. Main thread. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deadlines } from './deadlines.js'
import { Extras } from './extras.js'

const LIMIT_MS = 20_000
const LONG_MS = 600_000

/** Resolves when so many were due, in that order. The timers of deadlines keep no process alive. */
function due(timeouts: readonly number[], nr: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const found: number[] = []
    const limit = setTimeout(() => reject(new Error(`only ${found.join()} were due`)), LIMIT_MS)
    const deadlines = new Deadlines(({ job }) => {
      if (found.push(job) < nr) return
      clearTimeout(limit)
      deadlines.close()
      resolve(found)
    })
    for (const [job, timeoutMs] of timeouts.entries()) deadlines.add(new Extras(job), timeoutMs)
  })
}

test('a deadline that comes before the first moves the timer', async () => {
  assert.deepEqual(await due([LONG_MS, 2], 1), [1])
})

test('after the first the timer is set for the next', async () => {
  assert.deepEqual(await due([1, 20, LONG_MS], 2), [0, 1])
})
