/**
 * A request holds its file from when it goes to io-wq until it has ended, in whatever way, and no longer. Bodies for every
 * backend; only one of them holds files by descriptors.
 */
import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import * as abi from '../../src/abi/constants.js'
import type { Ring } from '../../src/ring/ring.js'
import { CANCEL, expectCancelled, holdTheWorker, putWaiting } from './cancelled.js'
import { expectAnyOrder, expectInOrder, put, reap, submit } from './cqes.js'
import { cancel, nop, read, write } from './fills.js'
import { conformance } from './harness.js'
import type { Stand } from './stand.js'

/** Descriptors of this process that are of the same file. */
function nrOpen(fd: number): number {
  const wanted = linkOf(String(fd))
  return readdirSync('/proc/self/fd').filter((other) => linkOf(other) === wanted).length
}

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    // It was that of the folder.
    return undefined
  }
}

/** A read of a file that waits in io-wq for the one worker, and will as long as nobody releases it. */
function putQueued(stand: Stand, ring: Ring, sqeFlags = 0): number {
  holdTheWorker(stand, ring)
  const fd = stand.file('file', 'text')
  put(ring, 2, read(fd, stand.alloc(4), 0), abi.IOSQE_ASYNC | sqeFlags)
  return fd
}

conformance('a queued request that is cancelled lets go of its file', (stand) => {
  const ring = stand.openRing(8)
  const fd = putQueued(stand, ring)
  submit(ring, 1)
  put(ring, CANCEL, cancel(2))
  submit(ring, 1)
  // The kernel may have another worker.
  if (stand.backend === 'threads') expectAnyOrder(ring, `${CANCEL}:0 2:-ECANCELED`)
  else reap(ring, 2)
  assert.equal(nrOpen(fd), 1)
  stand.release()
})

conformance('so does the head of a chain, whose members never had theirs', (stand) => {
  const ring = stand.openRing(8)
  const fd = putQueued(stand, ring, abi.IOSQE_IO_LINK)
  put(ring, 3, write(fd, stand.alloc('more'), 0))
  submit(ring, 2)
  put(ring, CANCEL, cancel(2))
  submit(ring, 1)
  if (stand.backend === 'threads') expectAnyOrder(ring, `${CANCEL}:0 2:-ECANCELED 3:-ECANCELED`)
  else reap(ring, 3)
  assert.equal(nrOpen(fd), 1)
  stand.release()
})

conformance('so does one that has run', (stand) => {
  const ring = stand.openRing(8)
  const fd = stand.file('file', 'text')
  for (const flags of [0, abi.IOSQE_ASYNC]) {
    put(ring, 1, read(fd, stand.alloc(4), 0), flags)
    submit(ring, 1)
    expectInOrder(ring, '1:4')
    assert.equal(nrOpen(fd), 1)
  }
})

conformance('so does one that is cancelled where it waits for its file', (stand) => {
  const ring = stand.openRing(8)
  const { readEnd } = putWaiting(stand, ring, 1)
  // Both ends are one file by name.
  const before = nrOpen(readEnd)
  submit(ring, 1)
  put(ring, CANCEL, cancel(1))
  submit(ring, 1)
  expectCancelled(ring, [1])
  assert.equal(nrOpen(readEnd), before)
})

conformance('what is refused holds nothing', (stand) => {
  const ring = stand.openRing(8)
  const fd = stand.file('file', 'text')
  put(ring, 1, nop())
  put(ring, 2, read(9999, stand.alloc(4), 0), abi.IOSQE_ASYNC)
  put(ring, 3, read(fd, stand.alloc(4), 0), abi.IOSQE_ASYNC | abi.IOSQE_FIXED_FILE)
  submit(ring, 3)
  expectAnyOrder(ring, '1:0 2:-EBADF 3:-EBADF')
  assert.equal(nrOpen(fd), 1)
})
