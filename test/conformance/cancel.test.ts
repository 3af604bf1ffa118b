/**
 * ASYNC_CANCEL: what is found, in which state, and how its target ends. Bodies for every backend.
 *
 * Where a waiting read is differs: the kernel parks it on poll (cancel 0), a worker may hold it (cancel -EALREADY).
 * Both are allowed, and so is every way in which an interrupted request ends; that it ends once is not negotiable.
 */
import assert from 'node:assert/strict'
import * as abi from '../../src/abi/constants.js'
import { EALREADY, EBADF, ECANCELED, EINTR, EINVAL, ENOENT, EOPNOTSUPP } from '../../src/lib/errno.js'
import type { Cqe } from '../../src/ring/cq.js'
import type { Ring } from '../../src/ring/ring.js'
import { duplicateFd } from '../../src/sys/file.js'
import {
  drain,
  equalRes,
  expectAnyOrder,
  expectInOrder,
  expectNothing,
  expectRun,
  named,
  ok,
  put,
  reap,
  submit,
  text,
} from './cqes.js'
import { cancel, nop, openat, read, type SqeField, withFields, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import type { Stand } from './stand.js'

/** A kernel worker that is interrupted in open(2) of a FIFO lets this code slip out. */
const ERESTARTSYS = 512
const ENDS_AS = [-ECANCELED, -EINTR, -ERESTARTSYS].map(named)
const CANCEL = 900

const ALL = abi.IORING_ASYNC_CANCEL_ALL
const FD = abi.IORING_ASYNC_CANCEL_FD
const ANY = abi.IORING_ASYNC_CANCEL_ANY
const USERDATA = abi.IORING_ASYNC_CANCEL_USERDATA
const OP = abi.IORING_ASYNC_CANCEL_OP

/** Takes off the cancel's completion and those of its targets, each once. */
function expectCancelled(ring: Ring, targets: readonly number[], cancelRes: readonly number[] = [0, -EALREADY]): void {
  const cqes = reap(ring, targets.length + 1)
  const seen = cqes.map(({ userData }) => userData).sort((a, b) => a - b)
  assert.deepEqual(seen, [...targets, CANCEL], cqes.map(text).join(' '))
  for (const { userData, res } of cqes) {
    if (userData === CANCEL) assert.ok(cancelRes.includes(res), `cancel: ${named(res)}`)
    else assert.ok(ENDS_AS.includes(named(res)), `request ${userData}: ${named(res)}`)
  }
  expectNothing(ring, 'each ends once')
}

/** Puts a read of an empty pipe on the queue; returns the pipe. */
function putWaiting(stand: Stand, ring: Ring, userData: number, sqeFlags = 0) {
  const pipe = stand.pipe()
  put(ring, userData, read(pipe.readEnd, stand.alloc(8)), sqeFlags)
  return pipe
}

/** With one worker, which a FIFO holds as request 1: whatever else goes to io-wq stays pending. */
function holdTheWorker(stand: Stand, ring: Ring): void {
  stand.setMaxWorkers(ring, 1, 1)
  put(ring, 1, openat(abi.AT_FDCWD, stand.cstr(stand.fifo()), abi.O_WRONLY), abi.IOSQE_ASYNC)
  submit(ring, 1)
}

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
    assert.ok(ENDS_AS.includes(named(ends[0]!.res)), named(ends[0]!.res))
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

conformance('a request is found by all 64 bits of its user_data', (stand) => {
  const ring = stand.openRing(8)
  const { writeEnd } = putWaiting(stand, ring, 1)
  submit(ring, 1)
  expectRun(ring, withFields(cancel(1), { addr: 2 ** 32 + 1 }), -ENOENT, 'another high word')
  put(ring, 2, write(writeEnd, stand.alloc('x')))
  submit(ring, 1)
  expectAnyOrder(ring, '1:1 2:1')
})

conformance('with ALL or ANY nothing found is a count of 0', (stand) => {
  const ring = stand.openRing(8)
  for (const flags of [ALL, ANY, ALL | ANY, ALL | USERDATA]) {
    expectRun(ring, cancel(77, flags), 0, `flags ${flags}`)
  }
})

conformance('ALL ends every request with that user_data', (stand) => {
  inEachMode(stand, 16, (ring) => {
    for (let i = 0; i < 6; i++) putWaiting(stand, ring, 5)
    const other = putWaiting(stand, ring, 6)
    submit(ring, 7)
    put(ring, CANCEL, cancel(5, ALL))
    submit(ring, 1)
    const cqes = reap(ring, 7)
    assert.deepEqual(cqes.map(({ userData }) => userData).sort(), [5, 5, 5, 5, 5, 5, CANCEL])
    checkCount(cqes)
    put(ring, 7, write(other.writeEnd, stand.alloc('x')))
    submit(ring, 1)
    expectAnyOrder(ring, '6:1 7:1')
  })
})

/** The count of a cancel with ALL is of passes, not of requests: only its sign is certain. */
function checkCount(cqes: readonly Cqe[]): void {
  for (const { userData, res } of cqes) {
    if (userData === CANCEL) ok(res, 'cancel')
    else assert.ok(ENDS_AS.includes(named(res)), `request ${userData}: ${named(res)}`)
  }
}

conformance('ANY ends every request of the ring, waiting, pending or running', (stand) => {
  inEachMode(stand, 16, (ring) => {
    holdTheWorker(stand, ring)
    for (let i = 2; i < 5; i++) putWaiting(stand, ring, i)
    for (let i = 5; i < 8; i++) put(ring, i, nop(), abi.IOSQE_ASYNC)
    submit(ring, 6)
    put(ring, CANCEL, cancel(0, ANY))
    submit(ring, 1)
    const cqes = reap(ring, 8)
    assert.deepEqual(
      cqes.map(({ userData }) => userData).sort((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, CANCEL],
    )
    checkCount(cqes.filter(({ userData }) => userData < 5 || userData === CANCEL))
    stand.release()
  })
})

conformance('a cancel by fd finds the requests on that file', (stand) => {
  inEachMode(stand, 16, (ring) => {
    const mine = putWaiting(stand, ring, 1)
    const other = putWaiting(stand, ring, 2)
    put(ring, 3, read(mine.readEnd, stand.alloc(1)))
    submit(ring, 3)
    put(ring, CANCEL, withFields(cancel(0, FD | ALL), { fd: mine.readEnd }))
    submit(ring, 1)
    const cqes = reap(ring, 3)
    assert.deepEqual(
      cqes.map(({ userData }) => userData).sort((a, b) => a - b),
      [1, 3, CANCEL],
    )
    checkCount(cqes)
    put(ring, CANCEL, withFields(cancel(0, FD), { fd: other.readEnd }))
    submit(ring, 1)
    expectCancelled(ring, [2])
    expectRun(ring, withFields(cancel(0, FD), { fd: stand.closedFd() }), -EBADF, 'a closed fd')
    expectRun(ring, withFields(cancel(0, FD), { fd: mine.writeEnd }), -ENOENT, 'the other end')
  })
})

conformance('a cancel by fd and user_data finds what has both', (stand) => {
  const ring = stand.openRing(8)
  const pipe = putWaiting(stand, ring, 1)
  put(ring, 2, read(pipe.readEnd, stand.alloc(1)))
  submit(ring, 2)
  expectRun(ring, withFields(cancel(3, FD | USERDATA), { fd: pipe.readEnd }), -ENOENT, 'no such user_data')
  expectRun(ring, withFields(cancel(1, FD | USERDATA), { fd: pipe.writeEnd }), -ENOENT, 'no such file')
  put(ring, CANCEL, withFields(cancel(2, FD | USERDATA), { fd: pipe.readEnd }))
  submit(ring, 1)
  expectCancelled(ring, [2])
  put(ring, CANCEL, cancel(1, USERDATA))
  submit(ring, 1)
  expectCancelled(ring, [1])
})

conformance('a cancel by fd compares the file, not its number', (stand) => {
  const ring = stand.openRing(8)
  const pipe = putWaiting(stand, ring, 1)
  submit(ring, 1)
  put(ring, CANCEL, withFields(cancel(0, FD), { fd: stand.own(ok(duplicateFd(pipe.readEnd), 'dup')) }))
  submit(ring, 1)
  expectCancelled(ring, [1])
})

conformance('a cancel by opcode finds the requests of that operation', (stand) => {
  const ring = stand.openRing(8)
  putWaiting(stand, ring, 1)
  submit(ring, 1)
  expectRun(ring, withFields(cancel(0, OP), { len: abi.IORING_OP_WRITE }), -ENOENT, 'no write waits')
  expectRun(ring, withFields(cancel(2, OP | USERDATA), { len: abi.IORING_OP_READ }), -ENOENT, 'other user_data')
  put(ring, CANCEL, withFields(cancel(0, OP), { len: abi.IORING_OP_READ }))
  submit(ring, 1)
  expectCancelled(ring, [1])
})

conformance('of two requests with one user_data a cancel without ALL ends one', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const pipes = [putWaiting(stand, ring, 5), putWaiting(stand, ring, 5)]
    submit(ring, 2)
    put(ring, CANCEL, cancel(5))
    submit(ring, 1)
    expectCancelled(ring, [5])
    for (const { writeEnd } of pipes) put(ring, 6, write(writeEnd, stand.alloc('12345678')))
    submit(ring, 2)
    expectAnyOrder(ring, '5:8 6:8 6:8')
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

conformance('a ring does not cancel what another ring has', (stand) => {
  const [mine, other] = [stand.openRing(8), stand.openRing(8)]
  const { writeEnd } = putWaiting(stand, other, 1)
  submit(other, 1)
  expectRun(mine, cancel(1), -ENOENT, 'cancel from another ring')
  expectRun(mine, cancel(1, ANY), 0, 'cancel of any from another ring')
  put(other, 2, write(writeEnd, stand.alloc('x')))
  submit(other, 1)
  expectAnyOrder(other, '1:1 2:1')
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
