import assert from 'node:assert/strict'
import { test } from 'node:test'
import { perThread, perThreadSoon } from './per-thread.js'

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

test('what takes a while is one too, and is made again when it was rejected', async () => {
  let nr = 0
  const make = async () => {
    if (++nr === 1) throw new Error('not now')
    return nr
  }
  const [first, beside] = [perThreadSoon('slow', make), perThreadSoon('slow', make)]
  assert.equal(first, beside)
  await assert.rejects(first, /not now/)
  assert.deepEqual([await perThreadSoon('slow', make), await perThreadSoon('slow', make)], [2, 2])
})
