/**
 * The clock, real and replaced.
 */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { nowMs, setClock } from './clock.js'

afterEach(() => setClock(undefined))

test('time never goes back', () => {
  let last = nowMs()
  for (let i = 0; i < 1000; i++) {
    const now = nowMs()
    assert(now >= last)
    last = now
  }
})

test('a replaced clock says what the test wants', () => {
  setClock(() => 42)
  assert.equal(nowMs(), 42)
})

test('the real clock comes back', () => {
  setClock(() => -1)
  setClock(undefined)
  assert(nowMs() > 0)
})
