/**
 * ASYNC_CANCEL: its target in every state, alone and in chains. Bodies for every backend; cancelled.ts says what may
 * differ.
 */
import assert from 'node:assert/strict'
import * as abi from '../../src/abi/constants.js'
import { EALREADY, EINVAL, ENOENT, EOPNOTSUPP } from '../../src/lib/errno.js'
import type { Cqe } from '../../src/ring/cq.js'
import { CANCEL, expectCancelled, expectInterrupted, holdTheWorker, putWaiting } from './cancelled.js'
import { drain, equalRes, expectAnyOrder, expectInOrder, expectNothing, expectRun, put, reap, submit } from './cqes.js'
import { cancel, nop, openat, readv, type SqeField, withFields, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'

const FD = abi.IORING_ASYNC_CANCEL_FD
const ANY = abi.IORING_ASYNC_CANCEL_ANY
const OP = abi.IORING_ASYNC_CANCEL_OP
const ALL = abi.IORING_ASYNC_CANCEL_ALL

conformance('a waiting request is cancelled', (stand) => {
  inEachMode(stand, 8, (ring) => {
    putWaiting(stand, ring, 1)
    submit(ring, 1)
    put(ring, CANCEL, cancel(1))
    submit(ring, 1)
    expectCancelled(ring, [1])
  })
})

conformance('a waiting request that a worker began is cancelled, at the latest when it waits', (stand) => {
  inEachMode(stand, 8, (ring) => {
    putWaiting(stand, ring, 1, abi.IOSQE_ASYNC)
    submit(ring, 1)
    const seen: Cqe[] = []
    let nrCancels = 0
    // The kernel's worker may be told (-EALREADY) just before it parks the read on poll: then it was told in vain.
    while (!seen.some(({ userData }) => userData === 1)) {
      put(ring, CANCEL, cancel(1))
      submit(ring, 1)
      assert.ok(nrCancels++ < 100_000, 'it is never cancelled')
      seen.push(...reap(ring, 1), ...drain(ring))
    }
    seen.push(...reap(ring, nrCancels + 1 - seen.length))
    const ends = seen.filter(({ userData }) => userData === 1)
    assert.equal(ends.length, 1)
    expectInterrupted(ends[0]!)
    expectNothing(ring, 'each ends once')
  })
})

conformance('a waiting request is cancelled by the same enter that submits it', (stand) => {
  inEachMode(stand, 8, (ring) => {
    putWaiting(stand, ring, 1)
    put(ring, CANCEL, cancel(1))
    submit(ring, 2)
    expectCancelled(ring, [1])
  })
})

conformance('a request pending in io-wq is cancelled and never runs', (stand) => {
  inEachMode(stand, 8, (ring) => {
    holdTheWorker(stand, ring)
    const made = stand.path(`never-${ring.flags}`)
    put(ring, 2, openat(abi.AT_FDCWD, stand.cstr(made), abi.O_CREAT | abi.O_WRONLY, 0o600), abi.IOSQE_ASYNC)
    submit(ring, 1)
    put(ring, CANCEL, cancel(2))
    submit(ring, 1)
    expectAnyOrder(ring, `${CANCEL}:0 2:-ECANCELED`)
    put(ring, CANCEL, cancel(1))
    submit(ring, 1)
    expectCancelled(ring, [1])
    assert.throws(() => stand.open(made, 'r'), { code: 'ENOENT' })
    stand.release()
  })
})

conformance('a request running in a worker is interrupted', (stand) => {
  inEachMode(stand, 8, (ring) => {
    holdTheWorker(stand, ring)
    put(ring, CANCEL, cancel(1))
    submit(ring, 1)
    expectCancelled(ring, [1])
    expectRun(ring, nop(), 0, 'a NOP for the worker that was interrupted', abi.IOSQE_ASYNC)
    stand.release()
  })
})

conformance('what is done, and what never was, is not found', (stand) => {
  inEachMode(stand, 8, (ring) => {
    put(ring, 1, nop())
    put(ring, CANCEL, cancel(1))
    put(ring, CANCEL + 1, cancel(12345))
    submit(ring, 3)
    expectInOrder(ring, `1:0 ${CANCEL}:-ENOENT ${CANCEL + 1}:-ENOENT`)
  })
})

conformance('a cancelled head takes its chain along', (stand) => {
  inEachMode(stand, 8, (ring) => {
    putWaiting(stand, ring, 1, abi.IOSQE_IO_LINK)
    put(ring, 2, nop(), abi.IOSQE_IO_LINK)
    put(ring, 3, nop())
    submit(ring, 3)
    put(ring, CANCEL, cancel(1))
    submit(ring, 1)
    expectCancelled(ring, [1, 2, 3])
  })
})

conformance('a cancelled head with a hard link lets its follower run', (stand) => {
  inEachMode(stand, 8, (ring) => {
    putWaiting(stand, ring, 1, abi.IOSQE_IO_HARDLINK)
    put(ring, 2, nop())
    submit(ring, 2)
    put(ring, CANCEL, cancel(1))
    submit(ring, 1)
    const cqes = reap(ring, 3)
    assert.deepEqual(cqes.map(({ userData }) => userData).sort(), [1, 2, CANCEL])
    equalRes(cqes.find(({ userData }) => userData === 2)!.res, 0, 'the follower')
  })
})

conformance('a member whose turn has not come is not found', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const { writeEnd } = putWaiting(stand, ring, 1, abi.IOSQE_IO_LINK)
    put(ring, 2, nop())
    submit(ring, 2)
    expectRun(ring, cancel(2), -ENOENT, 'cancel')
    put(ring, 3, write(writeEnd, stand.alloc('12345678')))
    submit(ring, 1)
    expectAnyOrder(ring, '1:8 2:0 3:8')
  })
})

conformance('a cancel that finds nothing breaks its own chain', (stand) => {
  inEachMode(stand, 8, (ring) => {
    put(ring, 1, cancel(12345), abi.IOSQE_IO_LINK)
    put(ring, 2, nop())
    put(ring, 3, cancel(12345), abi.IOSQE_IO_HARDLINK)
    put(ring, 4, nop())
    submit(ring, 4)
    expectAnyOrder(ring, '1:-ENOENT 2:-ECANCELED 3:-ENOENT 4:0')
  })
})

conformance('cancel refuses flags and fields that it does not know', (stand) => {
  const ring = stand.openRing(8)
  for (const flags of [0x40, 0x8000_0000, ANY | FD, ANY | OP, ANY | FD | ALL]) {
    expectRun(ring, cancel(1, flags), -EINVAL, `flags 0x${flags.toString(16)}`)
  }
  const fields: SqeField[] = ['off', 'splice_fd_in']
  for (const field of fields) expectRun(ring, withFields(cancel(1), { [field]: 1 }), -EINVAL, field)
  expectRun(ring, cancel(1), -EOPNOTSUPP, 'a buffer asked of it', abi.IOSQE_BUFFER_SELECT)
})

conformance('a read that is cancelled after it moved some bytes has them for its result', (stand) => {
  const ring = stand.openRing(8)
  holdTheWorker(stand, ring)
  const into = stand.alloc(64)
  const LOW_ADDRESS = 4096n
  // The second part cannot be written to: the first is read at once, what is left is tried again, or not.
  const parts = stand.iovecs([into.subarray(0, 44), into.subarray(44)])
  parts[2] = LOW_ADDRESS
  put(ring, 2, readv(stand.file('file', 'x'.repeat(100)), parts, 2, 0))
  put(ring, 3, nop())
  submit(ring, 2)
  put(ring, CANCEL, cancel(2))
  submit(ring, 1)
  const cqes = reap(ring, 3)
  const resOf = (userData: number) => cqes.find((cqe) => cqe.userData === userData)!.res
  equalRes(resOf(2), 44, 'the read')
  assert.equal(Buffer.from(into.subarray(0, 45)).toString(), `${'x'.repeat(44)}\0`)
  assert.ok([0, -ENOENT, -EALREADY].includes(resOf(CANCEL)), 'the cancel')
})
