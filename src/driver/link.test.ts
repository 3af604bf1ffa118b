import assert from 'node:assert/strict'
import { join } from 'node:path'
import { onEachBackend, outcomes, scratchDirectory } from './driver.test.backends.js'

const directory = scratchDirectory()
const NO_FD = 9999

onEachBackend('a linked operation starts after the one before it', async (open, backend) => {
  const ring = await open()
  const fd = await ring.openat(join(directory, `linked-${backend}`), 'w+')
  const into = new Uint8Array(5)
  const results = await Promise.all([
    ring.write(fd, Buffer.from('hello'), { position: 0, link: true }),
    ring.fsync(fd, { link: true }),
    ring.read(fd, into, { position: 0 }),
  ])
  assert.deepEqual(results, [5, 0, 5])
  assert.equal(Buffer.from(into).toString(), 'hello')
  await ring.close(fd)
})

onEachBackend('a failure cancels what is linked behind it, but not what is hard-linked', async (open) => {
  const ring = await open()
  const soft = [ring.fsync(NO_FD, { link: true }), ring.nop({ link: true }), ring.nop()]
  assert.deepEqual(await outcomes(soft), ['EBADF', 'ECANCELED', 'ECANCELED'])
  const hard = [ring.fsync(NO_FD, { hardlink: true }), ring.nop()]
  assert.deepEqual(await outcomes(hard), ['EBADF', 0])
})

onEachBackend('a chain enters whole, whatever stands before it', async (open) => {
  const ring = await open({ entries: 4 })
  for (let before = 0; before < 9; before++) {
    const others = Array.from({ length: before }, () => ring.nop())
    const chain = [
      ring.fsync(NO_FD, { link: true }),
      ring.nop({ link: true }),
      ring.nop({ link: true }),
      ring.nop(),
      ring.nop(), // no longer of the chain
    ]
    assert.deepEqual(await outcomes(chain), ['EBADF', 'ECANCELED', 'ECANCELED', 'ECANCELED', 0])
    assert.deepEqual(new Set(await outcomes(others)), new Set(before > 0 ? [0] : []))
  }
})

onEachBackend('a chain longer than the queue is refused as a whole', async (open) => {
  const ring = await open({ entries: 4 })
  const chain = [0, 1, 2, 3, 4, 5].map(() => ring.nop({ link: true }))
  chain.push(ring.nop())
  const after = ring.nop()
  assert.deepEqual(await outcomes(chain), Array(7).fill('ERR_URING_CHAIN_TOO_LONG'))
  assert.equal(await after, 0)
  assert.equal(ring.stats().sqes, 1)
})

onEachBackend('a link is for the turn it was made in', async (open) => {
  const ring = await open()
  assert.deepEqual(await outcomes([ring.fsync(NO_FD, { link: true })]), ['EBADF'])
  assert.equal(await ring.nop(), 0)
  const first = ring.fsync(NO_FD, { link: true })
  first.catch(() => undefined)
  await new Promise(setImmediate)
  assert.equal(await ring.nop(), 0)
  await assert.rejects(first)
})

onEachBackend('a member with bad arguments takes its chain with it', async (open) => {
  const ring = await open()
  const ends = [ring.nop({ link: true }), ring.nop({ link: true }), ring.fsync(-1), ring.nop()]
  assert.deepEqual(await outcomes(ends), ['ECANCELED', 'ECANCELED', 'ERR_OUT_OF_RANGE', 0])
  const begins = [ring.fsync(-1, { link: true }), ring.nop({ link: true }), ring.nop(), ring.nop()]
  assert.deepEqual(await outcomes(begins), ['ERR_OUT_OF_RANGE', 'ECANCELED', 'ECANCELED', 0])
  const alone = ring.fsync(-1, { link: true })
  await assert.rejects(alone)
  assert.equal(await ring.nop(), 0)
  assert.equal(ring.stats().sqes, 3)
})
