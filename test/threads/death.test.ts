import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { IOSQE_ASYNC, IOSQE_IO_DRAIN, IOSQE_IO_LINK } from '../../src/abi/constants.js'
import { ThreadsSyscalls } from '../../src/backends/threads/index.js'
import { loadAcquire } from '../../src/lib/barrier.js'
import { ECANCELED, EOWNERDEAD } from '../../src/lib/errno.js'
import { NONE } from '../../src/lib/mpscq.js'
import { prepNop, prepRead, setFlags, setUserData } from '../../src/ring/prep.js'
import { queueInit, type Ring } from '../../src/ring/ring.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import { WORKER, WORKER_UP } from '../../src/wq/layout.js'
import { Wq } from '../../src/wq/wq.js'

const folder = mkdtempSync(join(tmpdir(), 'uring-death-'))
// Workers do not keep the process alive, and these tests wait for nothing else.
const alive = setInterval(() => {}, 1000)
after(() => {
  clearInterval(alive)
  rmSync(folder, { recursive: true })
})

/** The io-wq that a call enqueues to: rings keep theirs to themselves. */
function withWq<T>(body: () => T): [T, Wq] {
  const { enqueue } = Wq.prototype
  let seen: Wq | undefined
  Wq.prototype.enqueue = function (...args) {
    seen = this
    enqueue.apply(this, args)
  }
  try {
    const result = body()
    assert.ok(seen !== undefined)
    return [result, seen]
  } finally {
    Wq.prototype.enqueue = enqueue
  }
}

function pipe(): [read: number, write: number] {
  const fds = new Int32Array(2)
  assert.equal(libc('pipe2')(addressOf(fds), 0), 0)
  return [fds[0]!, fds[1]!]
}

/**
 * A read that blocks in a worker, with a NOP linked behind it, or with one that waits for it behind a drain; the worker's
 * thread is in it when this returns.
 */
async function blockedRead(ring: Ring, fd: number, into: Uint8Array, isDrain = false): Promise<Wq> {
  const [, wq] = withWq(() => {
    const { sq } = ring
    const read = sq.getSqe()
    prepRead(sq.words, read, fd, addressOf(into), into.byteLength, 0)
    setUserData(sq.words, read, 1)
    setFlags(sq.words, read, isDrain ? IOSQE_ASYNC : IOSQE_ASYNC | IOSQE_IO_LINK)
    const nop = sq.getSqe()
    prepNop(sq.words, nop)
    setUserData(sq.words, nop, 2)
    setFlags(sq.words, nop, isDrain ? IOSQE_IO_DRAIN : 0)
    assert.equal(ring.submit(), 2)
  })
  const worker = wq.crew.roster.workerAt(0)
  assert.ok(worker !== undefined)
  // Not before it has the read in hand: a thread that ends while FFI loads in it ends the process.
  const { words } = wq.mem
  const current = wq.mem.worker(0) + (WORKER.at.current >> 2)
  while (loadAcquire(words, wq.mem.worker(0) + (WORKER.at.state >> 2)) !== WORKER_UP) await turn()
  while (loadAcquire(words, current) === NONE) await turn()
  return wq
}

test('a request whose worker dies fails, its chain is cancelled, and the ring goes on', async () => {
  const ring = queueInit(new ThreadsSyscalls(), 8)
  const [read, write] = pipe()
  const into = new Uint8Array(8)
  const wq = await blockedRead(ring, read, into)
  const exit = once(wq.crew.roster.workerAt(0)!, 'exit')
  while (!wq.terminateRunning(0)) await new Promise(setImmediate)
  await exit
  assert.equal(ring.submitAndWaitTimeout(2, 10_000), 0)
  assert.deepEqual(
    ring.cq.peekBatch(8).map(({ userData, res }) => [userData, res]),
    [
      [1, -EOWNERDEAD],
      [2, -ECANCELED],
    ],
  )
  ring.cq.advance(2)
  const path = join(folder, 'data')
  writeFileSync(path, 'still here')
  const fd = openSync(path, 'r')
  const { sq } = ring
  const again = sq.getSqe()
  prepRead(sq.words, again, fd, addressOf(into), 5, 0)
  setFlags(sq.words, again, IOSQE_ASYNC)
  assert.equal(ring.submitAndWaitTimeout(1, 10_000), 1)
  assert.equal(ring.cq.res(), 5)
  assert.equal(Buffer.from(into).toString('latin1', 0, 5), 'still')
  closeSync(fd)
  ring.queueExit()
  libc('close')(read)
  libc('close')(write)
})

test('a thread that dies while its owner sleeps in enter is noticed there', async () => {
  const ring = queueInit(new ThreadsSyscalls(), 8)
  const [read, write] = pipe()
  const into = new Uint8Array(8)
  const wq = await blockedRead(ring, read, into)
  while (!wq.terminateRunning(0)) await new Promise(setImmediate)
  // Its exit event cannot come: this thread does not go back to its event loop.
  assert.equal(ring.submitAndWaitTimeout(2, 20_000), 0)
  assert.deepEqual(
    ring.cq.peekBatch(8).map(({ res }) => res),
    [-EOWNERDEAD, -ECANCELED],
  )
  ring.queueExit()
  libc('close')(read)
  libc('close')(write)
})

test('what a drain holds back goes when the worker of what was before it dies', async () => {
  const ring = queueInit(new ThreadsSyscalls(), 8)
  const [read, write] = pipe()
  const wq = await blockedRead(ring, read, new Uint8Array(8), true)
  while (!wq.terminateRunning(0)) await new Promise(setImmediate)
  assert.equal(ring.submitAndWaitTimeout(2, 20_000), 0)
  assert.deepEqual(
    ring.cq.peekBatch(8).map(({ userData, res }) => [userData, res]),
    [
      [1, -EOWNERDEAD],
      [2, 0],
    ],
  )
  ring.queueExit()
  libc('close')(read)
  libc('close')(write)
})
