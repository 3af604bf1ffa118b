/**
 * LINK_TIMEOUT: a request with a limit. Bodies for every backend that has it.
 */
import assert from 'node:assert/strict'
import { writeSync } from 'node:fs'
import * as abi from '../../src/abi/constants.js'
import { EINVAL, ENOENT } from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import { equalRes, expectAnyOrder, expectInOrder, expectRun, put, reap, submit, text } from './cqes.js'
import { cancel, nop, read, sqe, withFields, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import type { Stand } from './stand.js'

const NEEDS = { opcodes: [abi.IORING_OP_LINK_TIMEOUT] }
const UPDATES = { opcodes: [abi.IORING_OP_LINK_TIMEOUT, abi.IORING_OP_TIMEOUT_REMOVE] }
const LINK = abi.IOSQE_IO_LINK
const HARDLINK = abi.IOSQE_IO_HARDLINK
const LONG_MS = 600_000

const limit = (stand: Stand, ms: number, flags = 0) => sqe(prep.prepLinkTimeout, stand.timespec(ms), flags)
const waiting = (stand: Stand) => read(stand.pipe().readEnd, stand.alloc(8))

conformance(
  'a limit that is reached cancels the request before it, and says so first',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      for (const link of [LINK, HARDLINK]) {
        put(ring, 1, waiting(stand), link)
        put(ring, 2, limit(stand, 2))
        submit(ring, 2)
        expectInOrder(ring, '2:-ETIME 1:-ECANCELED')
      }
    })
  },
  NEEDS,
)

conformance(
  'a limit that is not reached is cancelled after its request',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, 1, read(readEnd, stand.alloc(8)), LINK)
      put(ring, 2, limit(stand, LONG_MS))
      submit(ring, 2)
      writeSync(writeEnd, 'data')
      expectAnyOrder(ring, '1:4 2:-ECANCELED')
      put(ring, 3, nop(), LINK)
      put(ring, 4, limit(stand, LONG_MS))
      submit(ring, 2)
      expectInOrder(ring, '3:0 4:-ECANCELED')
    })
  },
  NEEDS,
)

conformance(
  'a limit that was not reached ends nothing that comes later',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      // Until it was not reached, however slow all goes.
      for (let ms = 20; ; ms *= 2) {
        put(ring, 1, nop(), LINK | abi.IOSQE_ASYNC)
        put(ring, 2, limit(stand, ms))
        submit(ring, 2)
        if (!reap(ring, 2).map(text).includes('2:-ECANCELED')) continue
        const { readEnd, writeEnd } = stand.pipe()
        put(ring, 3, read(readEnd, stand.alloc(8)))
        put(ring, 4, sqe(prep.prepTimeout, stand.timespec(2 * ms), 0, 0))
        submit(ring, 2)
        expectInOrder(ring, '4:-ETIME')
        writeSync(writeEnd, 'data')
        expectInOrder(ring, '3:4')
        return
      }
    })
  },
  NEEDS,
)

conformance(
  'what is linked behind a limit goes on when it was not reached, and is cancelled when it was',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      put(ring, 1, nop(), LINK)
      put(ring, 2, limit(stand, LONG_MS), LINK)
      put(ring, 3, nop(), LINK)
      put(ring, 4, limit(stand, LONG_MS))
      submit(ring, 4)
      expectAnyOrder(ring, '1:0 2:-ECANCELED 3:0 4:-ECANCELED')
      put(ring, 1, waiting(stand), LINK)
      put(ring, 2, limit(stand, 2), LINK)
      put(ring, 3, nop(), LINK)
      put(ring, 4, nop())
      submit(ring, 4)
      expectAnyOrder(ring, '1:-ECANCELED 2:-ETIME 3:-ECANCELED 4:-ECANCELED')
    })
  },
  NEEDS,
)

conformance(
  'a limit in the middle of a chain bounds the request before it alone',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      put(ring, 1, nop(), LINK)
      put(ring, 2, waiting(stand), LINK)
      put(ring, 3, limit(stand, 2), LINK)
      put(ring, 4, nop())
      submit(ring, 4)
      expectAnyOrder(ring, '1:0 2:-ECANCELED 3:-ETIME 4:-ECANCELED')
    })
  },
  NEEDS,
)

conformance(
  'a limit without a request before it is refused',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      expectRun(ring, limit(stand, 1), -EINVAL, 'alone')
      put(ring, 1, limit(stand, 1), LINK)
      put(ring, 2, nop())
      const first = ring.submit()
      // The batch may stop behind the bad one.
      if (first < 2) equalRes(ring.submit(), 2 - first, 'submit')
      const found = reap(ring, 2).map(text).sort()
      assert.equal(found[0], '1:-EINVAL')
    })
  },
  NEEDS,
)

conformance(
  'a limit for a limit is refused, and the chain with it',
  (stand) => {
    const ring = stand.openRing(8)
    put(ring, 1, nop(), LINK)
    put(ring, 2, limit(stand, LONG_MS), LINK)
    put(ring, 3, limit(stand, LONG_MS))
    submit(ring, 3)
    expectAnyOrder(ring, '1:-ECANCELED 2:-ECANCELED 3:-EINVAL')
  },
  NEEDS,
)

conformance(
  'a limit with a count, or without a time, is refused',
  (stand) => {
    const ring = stand.openRing(8)
    for (const [bad, what] of [
      [withFields(limit(stand, 1), { off: 1 }), '-EINVAL'],
      [withFields(limit(stand, 1), { len: 2 }), '-EINVAL'],
      [withFields(limit(stand, 1), { timeout_flags: abi.IORING_TIMEOUT_UPDATE }), '-EINVAL'],
      [sqe(prep.prepLinkTimeout, 0, 0), '-EFAULT'],
    ] as const) {
      put(ring, 1, nop(), LINK)
      put(ring, 2, bad)
      submit(ring, 2)
      expectAnyOrder(ring, `1:-ECANCELED 2:${what}`)
    }
  },
  NEEDS,
)

conformance(
  'a request with a limit is cancelled, and its limit with it',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      put(ring, 1, waiting(stand), LINK)
      put(ring, 2, limit(stand, LONG_MS))
      submit(ring, 2)
      put(ring, 3, cancel(1))
      submit(ring, 1)
      expectAnyOrder(ring, '1:-ECANCELED 2:-ECANCELED 3:0')
    })
  },
  NEEDS,
)

conformance(
  'a limit for a request in a worker does not stop it from completing',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const fd = stand.file('file', '')
      put(ring, 1, write(fd, stand.alloc('data'), 0), LINK | abi.IOSQE_ASYNC)
      put(ring, 2, limit(stand, LONG_MS))
      submit(ring, 2)
      expectAnyOrder(ring, '1:4 2:-ECANCELED')
    })
  },
  NEEDS,
)

conformance(
  'a limit behind a drain holds once its request has begun',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, 1, read(readEnd, stand.alloc(8)))
      put(ring, 2, waiting(stand), LINK | abi.IOSQE_IO_DRAIN)
      put(ring, 3, limit(stand, 2))
      submit(ring, 3)
      writeSync(writeEnd, 'x')
      expectAnyOrder(ring, '1:1 2:-ECANCELED 3:-ETIME')
    })
  },
  NEEDS,
)

conformance(
  'a limit is moved while it runs',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      put(ring, 1, waiting(stand), LINK)
      put(ring, 2, limit(stand, LONG_MS))
      submit(ring, 2)
      const other = stand.timespec(1)
      put(ring, 3, sqe(prep.prepTimeoutUpdate, other, 2, 0, abi.IORING_LINK_TIMEOUT_UPDATE))
      submit(ring, 1)
      expectAnyOrder(ring, '1:-ECANCELED 2:-ETIME 3:0')
      const again = sqe(prep.prepTimeoutUpdate, other, 2, 0, abi.IORING_LINK_TIMEOUT_UPDATE)
      expectRun(ring, again, -ENOENT, 'update of one that is gone')
    })
  },
  UPDATES,
)

conformance(
  'with many limits each request has its own',
  (stand) => {
    const ring = stand.openRing(64)
    const pipes = Array.from({ length: 32 }, () => stand.pipe())
    for (const [i, { readEnd }] of pipes.entries()) {
      put(ring, i, read(readEnd, stand.alloc(1)), LINK)
      put(ring, 100 + i, limit(stand, i % 2 === 0 ? LONG_MS : 3))
    }
    submit(ring, 64)
    for (const [i, { writeEnd }] of pipes.entries()) if (i % 2 === 0) writeSync(writeEnd, 'x')
    const expected = pipes.flatMap((_, i) =>
      i % 2 === 0 ? [`${i}:1`, `${100 + i}:-ECANCELED`] : [`${i}:-ECANCELED`, `${100 + i}:-ETIME`],
    )
    assert.deepEqual(reap(ring, 64).map(text).sort(), expected.sort())
  },
  NEEDS,
)
