/**
 * Waits for several completions, of which one lets something go: a drain, a count, another ring. Bodies for every backend.
 *
 * Nobody here looks at a clock. What a wait must not do, to sleep on with that completion at hand, is an invariant that
 * test builds check in each wait (backends/threads/run/wait.ts).
 */
import * as abi from '../../src/abi/constants.js'
import * as prep from '../../src/ring/prep.js'
import type { Ring } from '../../src/ring/ring.js'
import { equalRes, expectAnyOrder, expectInOrder, put, submit, uninterrupted } from './cqes.js'
import { nop, read, sqe, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import type { Stand } from './stand.js'

const NEEDS = { opcodes: [abi.IORING_OP_TIMEOUT] }
const LONG_MS = 600_000
/** So that the wait has begun to sleep, and workers to wait for their files. */
const SOON_MS = 20

/** Has another ring of the thread write to `fd` while the thread waits for this one. */
function writeSoon(stand: Stand, other: Ring, fd: number): void {
  const after = sqe(prep.prepTimeout, stand.timespec(SOON_MS), 0, abi.IORING_TIMEOUT_ETIME_SUCCESS)
  put(other, 1, after, abi.IOSQE_IO_LINK)
  put(other, 2, write(fd, stand.alloc('four')))
  submit(other, 2)
}

function waitFor(ring: Ring, nr: number): void {
  equalRes(
    uninterrupted(() => ring.submitAndWait(nr)),
    0,
    `the wait for ${nr}`,
  )
}

conformance(
  'a wait of several goes on behind a drain as soon as what it waits for has ended',
  (stand) => {
    const other = stand.openRing(4)
    inEachMode(stand, 8, (ring) => {
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, 1, read(readEnd, stand.alloc(4)))
      put(ring, 2, nop(), abi.IOSQE_IO_DRAIN)
      put(ring, 3, nop())
      submit(ring, 3)
      writeSoon(stand, other, writeEnd)
      waitFor(ring, 3)
      expectInOrder(ring, '1:4 2:0 3:0')
      expectInOrder(other, '1:-ETIME 2:4')
    })
  },
  NEEDS,
)

conformance(
  'a wait of several ends as soon as a count is met',
  (stand) => {
    const other = stand.openRing(4)
    inEachMode(stand, 8, (ring) => {
      const { readEnd, writeEnd } = stand.pipe()
      const empty = stand.pipe()
      put(ring, 1, sqe(prep.prepTimeout, stand.timespec(LONG_MS), 1, 0))
      put(ring, 2, read(readEnd, stand.alloc(4)))
      put(ring, 3, read(empty.readEnd, stand.alloc(4)))
      submit(ring, 3)
      writeSoon(stand, other, writeEnd)
      waitFor(ring, 3)
      expectInOrder(ring, '2:4 1:0')
      stand.write(empty.writeEnd, 'four')
      waitFor(ring, 1)
      expectInOrder(ring, '3:4')
      expectInOrder(other, '1:-ETIME 2:4')
    })
  },
  NEEDS,
)

conformance(
  'a wait of several sees to the other rings of its thread as soon as they have something to do',
  (stand) => {
    const other = stand.openRing(4)
    const between = stand.openRing(8)
    inEachMode(stand, 8, (ring) => {
      const [first, one, two] = [stand.pipe(), stand.pipe(), stand.pipe()]
      put(ring, 1, read(one.readEnd, stand.alloc(4)))
      put(ring, 2, read(two.readEnd, stand.alloc(4)))
      submit(ring, 2)
      put(between, 1, read(first.readEnd, stand.alloc(4)))
      put(between, 2, write(one.writeEnd, stand.alloc('four')), abi.IOSQE_IO_DRAIN)
      put(between, 3, write(two.writeEnd, stand.alloc('four')), abi.IOSQE_IO_DRAIN)
      submit(between, 3)
      writeSoon(stand, other, first.writeEnd)
      waitFor(ring, 2)
      expectAnyOrder(ring, '1:4 2:4')
      expectInOrder(between, '1:4 2:4 3:4')
      expectInOrder(other, '1:-ETIME 2:4')
    })
  },
  NEEDS,
)
