import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { POOL, Space } from './record.js'
import { SharedBufferCache, SharedBufferIds, UnknownBuffer } from './shared-buffers.js'

test('a buffer keeps its number', () => {
  const ids = new SharedBufferIds(Space.create(1))
  const [a, b] = [new SharedArrayBuffer(1), new SharedArrayBuffer(1)]
  assert.equal(ids.idOf(a), ids.idOf(a))
  assert.notEqual(ids.idOf(a), ids.idOf(b))
})

test('a worker knows the buffers it was sent, until one was collected', () => {
  const space = Space.create(1)
  const cache = new SharedBufferCache(space)
  const sab = new SharedArrayBuffer(1)
  assert.throws(() => cache.byId(0), UnknownBuffer)
  cache.keep([[0, sab]])
  cache.refresh()
  assert.equal(cache.byId(0), sab)
  space.words[POOL.at.sab_epoch >> 2]!++
  cache.refresh()
  assert.throws(() => cache.byId(0), UnknownBuffer)
})

test('collecting a buffer moves the epoch: nothing is kept for ever', async () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const space = Space.create(1)
  const ids = new SharedBufferIds(space)
  ;(() => {
    ids.idOf(new SharedArrayBuffer(1))
  })()
  const end = performance.now() + 20_000
  while (space.words[POOL.at.sab_epoch >> 2] === 0) {
    assert.ok(performance.now() < end, 'the buffer is collected')
    gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
})
