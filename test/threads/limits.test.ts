/** Limits of the backend's own are named by the errors that they cause. Main thread. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ThreadsSyscalls } from '../../src/backends/threads/index.js'
import { MAX_RINGS } from '../../src/backends/threads/state/layout.js'
import { queueInit } from '../../src/ring/ring.js'
import { backends } from '../conformance/backends.js'
import { expectAnyOrder, put, submit } from '../conformance/cqes.js'
import { read } from '../conformance/fills.js'
import { Stand } from '../conformance/stand.js'

test('the ring that is one too many says how many there may be', () => {
  const syscalls = new ThreadsSyscalls()
  const rings = Array.from({ length: MAX_RINGS }, () => queueInit(syscalls, 2))
  const words = new RegExp(`a thread has ${MAX_RINGS} rings of the backend 'threads' at most`)
  assert.throws(() => queueInit(syscalls, 2), { code: 'EMFILE', message: words })
  rings.pop()!.queueExit()
  queueInit(syscalls, 2).queueExit()
  assert.throws(() => queueInit(syscalls, 0), { code: 'EINVAL', message: /io_uring_setup$/ })
  for (const ring of rings) ring.queueExit()
})

test('a read for which every worker waits gets the first that comes free', () => {
  const stand = new Stand(backends.find(({ name }) => name === 'threads')!)
  try {
    const ring = stand.openRing(8)
    stand.setMaxWorkers(ring, 1, 2)
    const pipes = [stand.pipe(), stand.pipe(), stand.pipe(), stand.pipe()]
    for (const [i, { readEnd }] of pipes.entries()) put(ring, i, read(readEnd, stand.alloc(4)))
    submit(ring, 4)
    for (const { writeEnd } of pipes.slice(2)) stand.write(writeEnd, 'late')
    stand.write(pipes[1]!.writeEnd, 'free')
    // One worker comes free, and serves all that were waiting; the other waits on.
    expectAnyOrder(ring, '1:4 2:4 3:4')
    stand.write(pipes[0]!.writeEnd, 'last')
    expectAnyOrder(ring, '0:4')
  } finally {
    stand.close()
  }
})
