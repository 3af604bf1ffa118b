/** Limits of the backend's own are named by the errors that they cause. Main thread. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ThreadsSyscalls } from '../../src/backends/threads/index.js'
import { MAX_RINGS } from '../../src/backends/threads/layout.js'
import { queueInit } from '../../src/ring/ring.js'

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
