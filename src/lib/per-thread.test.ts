import assert from 'node:assert/strict'
import { test } from 'node:test'
import { perThread } from './per-thread.js'

const again = new URL('./per-thread.js?again', import.meta.url).href

test('copies of this code have one of each name', async () => {
  const copy = (await import(again)) as { perThread: typeof perThread }
  assert.notEqual(copy.perThread, perThread)
  const mine = perThread('one', () => ({}))
  assert.equal(
    copy.perThread('one', () => ({})),
    mine,
  )
  assert.notEqual(
    copy.perThread('other', () => ({})),
    mine,
  )
})

test('what fails to be made is made when it is next asked for', () => {
  const fail = () => {
    throw new Error('not now')
  }
  assert.throws(() => perThread('late', fail), /not now/)
  assert.equal(
    perThread('late', () => 1),
    1,
  )
})
