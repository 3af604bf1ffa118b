/**
 * POLL_ADD, multishot polls, removal and update. Bodies for every backend that has them.
 */
import assert from 'node:assert/strict'
import { readSync, writeSync } from 'node:fs'
import * as abi from '../../src/abi/constants.js'
import { EBADF, EINVAL, ENOENT, EOPNOTSUPP } from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import type { Ring } from '../../src/ring/ring.js'
import {
  drain,
  expectAnyOrder,
  expectInOrder,
  expectNothing,
  expectRun,
  named,
  ok,
  put,
  reap,
  run,
  submit,
  text,
} from './cqes.js'
import { cancel, nop, read, sqe, withFields } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import type { Stand } from './stand.js'

const { POLLERR, POLLHUP, POLLIN, POLLOUT } = abi
const NEEDS = { opcodes: [abi.IORING_OP_POLL_ADD, abi.IORING_OP_POLL_REMOVE] }
const EVENTS = abi.IORING_POLL_UPDATE_EVENTS
const USER_DATA = abi.IORING_POLL_UPDATE_USER_DATA
const MULTI = abi.IORING_POLL_ADD_MULTI

const poll = (fd: number, mask: number) => sqe(prep.prepPollAdd, fd, mask)
const multishot = (fd: number, mask: number) => sqe(prep.prepPollMultishot, fd, mask)
const remove = (userData: number) => sqe(prep.prepPollRemove, userData, 0)
const update = (from: number, to: number, mask: number, flags: number) =>
  sqe(prep.prepPollUpdate, from, 0, to, 0, mask, flags)

/** Completions of one poll from here on, until `more` was asked often enough. */
function reapOf(ring: Ring, count: number): string[] {
  return reap(ring, count).map(text)
}

conformance(
  'a poll completes when the event comes, with the events there are',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      for (const way of [0, abi.IOSQE_ASYNC]) {
        const { readEnd, writeEnd } = stand.pipe()
        put(ring, 1, poll(readEnd, POLLIN), way)
        submit(ring, 1)
        expectNothing(ring, 'the pipe is empty')
        writeSync(writeEnd, 'x')
        expectInOrder(ring, `1:${POLLIN}`)
      }
    })
  },
  NEEDS,
)

conformance(
  'a poll of what is ready completes at once',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      const { readEnd, writeEnd } = stand.pipe()
      expectRun(ring, poll(writeEnd, POLLOUT), POLLOUT, 'an empty pipe')
      writeSync(writeEnd, 'x')
      expectRun(ring, poll(readEnd, POLLIN | POLLOUT), POLLIN, 'a pipe with data')
      const file = stand.file('file', '')
      expectRun(ring, poll(file, POLLIN | POLLOUT), POLLIN | POLLOUT, 'a file')
    })
  },
  NEEDS,
)

conformance(
  'a hang-up and an error come unasked',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      const gone = stand.pipe()
      put(ring, 1, poll(gone.readEnd, 0))
      submit(ring, 1)
      stand.closeFd(gone.writeEnd)
      expectInOrder(ring, `1:${POLLHUP}`)
      const broken = stand.pipe()
      stand.closeFd(broken.readEnd)
      const res = run(ring, poll(broken.writeEnd, 0))
      assert.equal(res & POLLERR, POLLERR, named(res))
    })
  },
  NEEDS,
)

conformance(
  'polls that make no sense are refused',
  (stand) => {
    const ring = stand.openRing(4)
    const { readEnd } = stand.pipe()
    expectRun(ring, poll(stand.closedFd(), POLLIN), -EBADF, 'a closed fd')
    expectRun(ring, withFields(poll(readEnd, POLLIN), { buf_index: 1 }), -EINVAL, 'buf_index')
    expectRun(ring, withFields(poll(readEnd, POLLIN), { off: 1 }), -EINVAL, 'off')
    expectRun(ring, withFields(poll(readEnd, POLLIN), { addr: 1 }), -EINVAL, 'addr')
    expectRun(ring, withFields(poll(readEnd, POLLIN), { len: 0x100 }), -EINVAL, 'an unknown flag')
    expectRun(ring, poll(readEnd, POLLIN), -EOPNOTSUPP, 'a buffer to select', abi.IOSQE_BUFFER_SELECT)
    const silent = abi.IOSQE_CQE_SKIP_SUCCESS
    expectRun(ring, multishot(readEnd, POLLIN), -EINVAL, 'a multishot one without completions', silent)
  },
  NEEDS,
)

conformance(
  'a poll is removed, once',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      put(ring, 1, poll(stand.pipe().readEnd, POLLIN))
      submit(ring, 1)
      put(ring, 2, remove(1))
      put(ring, 3, remove(1))
      submit(ring, 2)
      expectAnyOrder(ring, '1:-ECANCELED 2:0 3:-ENOENT')
    })
  },
  NEEDS,
)

conformance(
  'what is no poll is not removed',
  (stand) => {
    const ring = stand.openRing(8)
    put(ring, 1, read(stand.pipe().readEnd, stand.alloc(1)))
    submit(ring, 1)
    expectRun(ring, remove(1), -ENOENT, 'a read')
    expectNothing(ring, 'the read goes on')
    put(ring, 2, cancel(1))
    submit(ring, 1)
    expectAnyOrder(ring, '1:-ECANCELED 2:0')
  },
  NEEDS,
)

conformance(
  'a poll is cancelled',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      put(ring, 1, poll(stand.pipe().readEnd, POLLIN))
      put(ring, 2, multishot(stand.pipe().readEnd, POLLIN))
      submit(ring, 2)
      put(ring, 3, cancel(1))
      put(ring, 4, cancel(2))
      submit(ring, 2)
      expectAnyOrder(ring, '1:-ECANCELED 2:-ECANCELED 3:0 4:0')
    })
  },
  NEEDS,
)

conformance(
  'a multishot poll completes each time, until it is removed',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, 1, multishot(readEnd, POLLIN))
      submit(ring, 1)
      for (let i = 0; i < 20; i++) {
        writeSync(writeEnd, 'x')
        expectInOrder(ring, `1:${POLLIN}/0x2`)
        readSync(readEnd, new Uint8Array(1))
      }
      put(ring, 2, remove(1))
      submit(ring, 1)
      expectAnyOrder(ring, '1:-ECANCELED 2:0')
    })
  },
  NEEDS,
)

conformance(
  'a multishot poll of what is ready says so at once, and goes on',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { readEnd, writeEnd } = stand.pipe()
      writeSync(writeEnd, 'x')
      put(ring, 1, multishot(readEnd, POLLIN))
      submit(ring, 1)
      expectInOrder(ring, `1:${POLLIN}/0x2`)
      writeSync(writeEnd, 'y')
      expectInOrder(ring, `1:${POLLIN}/0x2`)
    })
  },
  NEEDS,
)

conformance(
  'a multishot poll whose completions find no room ends',
  (stand) => {
    const ring = stand.openRing(1, { cqEntries: 2 })
    const { readEnd, writeEnd } = stand.pipe()
    put(ring, 1, multishot(readEnd, POLLIN))
    submit(ring, 1)
    for (let i = 0; i < 4; i++) {
      writeSync(writeEnd, 'x')
      ok(ring.getEvents(), 'getEvents')
    }
    const found: string[] = []
    while (found.length < 3) found.push(...drain(ring).map(text))
    assert.deepEqual(found, [`1:${POLLIN}/0x2`, `1:${POLLIN}/0x2`, `1:${POLLIN}`])
    writeSync(writeEnd, 'x')
    expectNothing(ring, 'it has ended')
  },
  NEEDS,
)

conformance(
  'a poll gets other events',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { writeEnd } = stand.pipe()
      put(ring, 1, poll(writeEnd, POLLIN))
      submit(ring, 1)
      expectNothing(ring, 'nothing is to be read of a write end')
      put(ring, 2, update(1, 0, POLLOUT, EVENTS))
      submit(ring, 1)
      expectAnyOrder(ring, `1:${POLLOUT} 2:0`)
    })
  },
  NEEDS,
)

conformance(
  'a poll gets another user_data',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, 1, poll(readEnd, POLLIN))
      submit(ring, 1)
      expectRun(ring, update(1, 9, 0, USER_DATA), 0, 'update')
      expectRun(ring, remove(1), -ENOENT, 'its old name')
      writeSync(writeEnd, 'x')
      expectInOrder(ring, `9:${POLLIN}`)
    })
  },
  NEEDS,
)

conformance(
  'a multishot poll gets other events and another user_data, and stays one',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, 1, multishot(readEnd, abi.POLLPRI))
      submit(ring, 1)
      expectRun(ring, update(1, 9, POLLIN, EVENTS | USER_DATA | MULTI), 0, 'update')
      for (let i = 0; i < 3; i++) {
        writeSync(writeEnd, 'x')
        expectInOrder(ring, `9:${POLLIN}/0x2`)
        readSync(readEnd, new Uint8Array(1))
      }
    })
  },
  NEEDS,
)

conformance(
  'updates that make no sense are refused',
  (stand) => {
    const ring = stand.openRing(8)
    put(ring, 1, poll(stand.pipe().readEnd, POLLIN))
    submit(ring, 1)
    expectRun(ring, update(1, 0, 0, MULTI), -EINVAL, 'MULTI alone')
    expectRun(ring, update(1, 9, 0, 0), -EINVAL, 'a new user_data without its flag')
    expectRun(ring, update(1, 0, POLLOUT, USER_DATA), -EINVAL, 'events without their flag')
    expectRun(ring, update(1, 0, POLLOUT, EVENTS | 0x100), -EINVAL, 'an unknown flag')
    expectRun(ring, withFields(remove(1), { buf_index: 1 }), -EINVAL, 'buf_index')
    expectRun(ring, update(77, 0, POLLOUT, EVENTS), -ENOENT, 'update of none')
    expectNothing(ring, 'the poll waits')
  },
  NEEDS,
)

conformance(
  'polls of hundreds of pipes complete once each, whichever is written to',
  (stand) => {
    inEachMode(stand, 256, (ring) => {
      const pipes = Array.from({ length: 200 }, () => stand.pipe())
      for (const [i, { readEnd }] of pipes.entries()) put(ring, i, poll(readEnd, POLLIN))
      submit(ring, pipes.length)
      // Every 7th, again and again, is an order that goes through all of them.
      const order = pipes.map((_, i) => (i * 7) % pipes.length)
      for (const i of order) writeSync(pipes[i]!.writeEnd, 'x')
      const expected = pipes.map((_, i) => `${i}:${POLLIN}`)
      assert.deepEqual(reapOf(ring, pipes.length).sort(), expected.sort())
      expectNothing(ring, 'each once')
      for (const { readEnd, writeEnd } of pipes) {
        stand.closeFd(readEnd)
        stand.closeFd(writeEnd)
      }
    })
  },
  NEEDS,
)

conformance(
  'thousands of polls are submitted and cancelled',
  (stand) => {
    const ring = stand.openRing(256)
    const { readEnd } = stand.pipe()
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 128; i++) put(ring, i, poll(readEnd, POLLIN))
      submit(ring, 128)
      for (let i = 0; i < 128; i++) put(ring, 1000 + i, cancel(i))
      submit(ring, 128)
      const found = reapOf(ring, 256)
      assert.equal(found.filter((one) => one.endsWith(':-ECANCELED')).length, 128)
      assert.equal(found.filter((one) => one.endsWith(':0')).length, 128)
    }
    expectNothing(ring, 'each once')
  },
  NEEDS,
)

conformance(
  'many multishot polls are updated while their events come',
  (stand) => {
    inEachMode(stand, 128, (ring) => {
      const pipes = Array.from({ length: 20 }, () => stand.pipe())
      for (const [i, { readEnd }] of pipes.entries()) put(ring, i, multishot(readEnd, POLLIN))
      submit(ring, pipes.length)
      for (let round = 0; round < 10; round++) {
        for (const [i] of pipes.entries()) put(ring, 1000 + i, update(i, 0, POLLIN, EVENTS | MULTI))
        for (const { writeEnd } of pipes) writeSync(writeEnd, 'x')
        submit(ring, pipes.length)
        const seen = new Set<number>()
        const updated = new Set<number>()
        while (seen.size < pipes.length || updated.size < pipes.length) {
          for (const { userData, res, flags } of reap(ring, 1)) {
            if (userData >= 1000) {
              // Its event may be just coming: then it says so (-EALREADY).
              assert.ok(['0', '-EALREADY'].includes(named(res)), named(res))
              updated.add(userData)
            } else {
              assert.equal(`${res}/${flags}`, `${POLLIN}/2`)
              seen.add(userData)
            }
          }
        }
        for (const { readEnd } of pipes) readSync(readEnd, new Uint8Array(1))
        drain(ring)
      }
      for (const [i] of pipes.entries()) put(ring, 1000 + i, remove(i))
      submit(ring, pipes.length)
      const ends = reap(ring, 2 * pipes.length)
      assert.equal(ends.filter(({ userData, flags }) => userData < 1000 && flags === 0).length, pipes.length)
    })
  },
  NEEDS,
)

conformance(
  'a poll breaks its link when it is cancelled, and leads on when it completes',
  (stand) => {
    const ring = stand.openRing(8)
    const { readEnd, writeEnd } = stand.pipe()
    const into = stand.alloc(8)
    put(ring, 1, poll(readEnd, POLLIN), abi.IOSQE_IO_LINK)
    put(ring, 2, read(readEnd, into))
    submit(ring, 2)
    expectNothing(ring, 'the pipe is empty')
    writeSync(writeEnd, 'data')
    expectInOrder(ring, `1:${POLLIN} 2:4`)
    put(ring, 1, poll(readEnd, POLLIN), abi.IOSQE_IO_LINK)
    put(ring, 2, nop())
    submit(ring, 2)
    put(ring, 3, remove(1))
    submit(ring, 1)
    expectAnyOrder(ring, '1:-ECANCELED 2:-ECANCELED 3:0')
  },
  NEEDS,
)

conformance(
  'a poll of an eventfd leads to a read of it, and tells of itself',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const fd = stand.eventfd()
      ok(ring.register(abi.IORING_REGISTER_EVENTFD, new Int32Array([fd]), 1), 'eventfd')
      put(ring, 1, poll(fd, POLLIN), abi.IOSQE_IO_LINK)
      put(ring, 2, read(fd, stand.alloc(8)))
      submit(ring, 2)
      expectNothing(ring, 'nothing has completed')
      put(ring, 3, nop())
      submit(ring, 1)
      assert.deepEqual(reapOf(ring, 3).sort(), [`1:${POLLIN}`, '2:8', '3:0'])
    })
  },
  NEEDS,
)

/** Has a ring's completions counted by an eventfd of its own. */
function notified(stand: Stand, ring: Ring): number {
  const fd = stand.eventfd()
  ok(ring.register(abi.IORING_REGISTER_EVENTFD, new Int32Array([fd]), 1), 'eventfd')
  return fd
}

conformance(
  'a multishot poll of the eventfd that tells of its own completions comes to an end',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const fd = notified(stand, ring)
      put(ring, 1, multishot(fd, POLLIN))
      put(ring, 2, nop())
      submit(ring, 2)
      // It may be told of itself once or twice; then it is still, or has ended.
      const found = new Set<string>()
      while (!found.has('2:0') || !found.has('1')) {
        for (const cqe of reap(ring, 1)) found.add(cqe.userData === 1 ? '1' : text(cqe))
      }
      let nrQuiet = 0
      for (let i = 0; i < 10_000 && nrQuiet < 10; i++) nrQuiet = drain(ring).length === 0 ? nrQuiet + 1 : 0
      assert.equal(nrQuiet, 10, 'it goes on by itself')
    })
  },
  NEEDS,
)

conformance(
  'two rings poll each other’s eventfd',
  (stand) => {
    const [a, b] = [stand.openRing(8), stand.openRing(8)]
    const [fdOfA, fdOfB] = [notified(stand, a), notified(stand, b)]
    put(a, 1, poll(fdOfB, POLLIN))
    submit(a, 1)
    expectNothing(a, 'nothing completed on b')
    put(b, 2, poll(fdOfA, POLLIN))
    put(b, 3, nop())
    submit(b, 2)
    expectInOrder(a, `1:${POLLIN}`)
    expectAnyOrder(b, `2:${POLLIN} 3:0`)
  },
  NEEDS,
)

conformance(
  'a poll of another ring completes when that one has completions',
  (stand) => {
    const [ring, other] = [stand.openRing(8), stand.openRing(8)]
    put(ring, 1, poll(other.fd, POLLIN))
    submit(ring, 1)
    expectNothing(ring, 'the other ring is empty')
    put(other, 2, nop())
    submit(other, 1)
    expectInOrder(ring, `1:${POLLIN}`)
    put(ring, 3, cancel(1))
    submit(ring, 1)
    expectInOrder(ring, '3:-ENOENT')
  },
  NEEDS,
)
