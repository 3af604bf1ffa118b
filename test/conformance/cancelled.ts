/**
 * Requests that wait, and what a cancel does to them. Main thread of a test file.
 *
 * Where a waiting read is differs: the kernel parks it on poll (cancel 0), a worker may hold it (cancel -EALREADY).
 * Both are allowed, and so is every way in which an interrupted request ends; that it ends once is not negotiable.
 */
import assert from 'node:assert/strict'
import { AT_FDCWD, IOSQE_ASYNC, O_WRONLY } from '../../src/abi/constants.js'
import { EALREADY, ECANCELED, EINTR, ERESTARTSYS } from '../../src/lib/errno.js'
import type { Cqe } from '../../src/ring/cq.js'
import type { Ring } from '../../src/ring/ring.js'
import { expectNothing, named, ok, put, reap, submit, text } from './cqes.js'
import { openat, read } from './fills.js'
import type { Stand } from './stand.js'

/** user_data of the cancel. */
export const CANCEL = 900

export const FOUND: readonly number[] = [0, -EALREADY]
const ENDS_AS = [-ECANCELED, -EINTR, -ERESTARTSYS].map(named)

/**
 * Takes off the cancel's completion and those of its targets, each once. `answers`: what the cancel may say.
 */
export function expectCancelled(ring: Ring, targets: readonly number[], answers = FOUND): void {
  const cqes = reap(ring, targets.length + 1)
  const seen = cqes.map(({ userData }) => userData).sort((a, b) => a - b)
  assert.deepEqual(seen, [...targets, CANCEL], cqes.map(text).join(' '))
  for (const cqe of cqes) {
    if (cqe.userData === CANCEL) assert.ok(answers.includes(cqe.res), `cancel: ${named(cqe.res)}`)
    else expectInterrupted(cqe)
  }
  expectNothing(ring, 'each ends once')
}

export function expectInterrupted({ userData, res }: Cqe): void {
  assert.ok(ENDS_AS.includes(named(res)), `request ${userData}: ${named(res)}`)
}

/** For a cancel with ALL: its count is of passes, not of requests, and only its sign is certain. */
export function expectAllCancelled(cqes: readonly Cqe[]): void {
  for (const cqe of cqes) {
    if (cqe.userData === CANCEL) ok(cqe.res, 'cancel')
    else expectInterrupted(cqe)
  }
}

/** Puts a read of an empty pipe on the queue; returns the pipe. */
export function putWaiting(stand: Stand, ring: Ring, userData: number, sqeFlags = 0) {
  const pipe = stand.pipe()
  put(ring, userData, read(pipe.readEnd, stand.alloc(8)), sqeFlags)
  return pipe
}

/** With one worker, which a FIFO holds as request 1: whatever else goes to io-wq stays pending. */
export function holdTheWorker(stand: Stand, ring: Ring): void {
  stand.setMaxWorkers(ring, 1, 1)
  put(ring, 1, openat(AT_FDCWD, stand.cstr(stand.fifo()), O_WRONLY), IOSQE_ASYNC)
  submit(ring, 1)
}
