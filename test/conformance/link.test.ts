/**
 * Links and hard links: who runs, who is cancelled, in what order. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import {
  AT_FDCWD,
  IORING_ENTER_GETEVENTS,
  IORING_SETUP_SUBMIT_ALL,
  IOSQE_ASYNC,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
  STATX_SIZE,
} from '../../src/abi/constants.js'
import { STATX } from '../../src/abi/structs.js'
import { equalRes, expectAnyOrder, expectInOrder, expectNothing, put, reap, submit } from './cqes.js'
import { badOpcode, close, type Fill, fsync, nop, read, statx, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import type { Stand } from './stand.js'

const LINK = IOSQE_IO_LINK
const HARD = IOSQE_IO_HARDLINK

/** How a member behaves: its filler and its result where it runs. */
type Member = readonly [what: string, fill: (stand: Stand) => Fill, res: string]

const OK: Member = ['ok', () => nop(), '0']
const FAILS_AT_PREP: Member = ['fails at prep', () => badOpcode, '-EINVAL']
const FAILS_AT_RUN: Member = ['fails at run', (stand) => read(stand.closedFd(), stand.alloc(1), 0), '-EBADF']
const SHORT: Member = [
  'transfers short',
  (stand) => read(stand.file(`short${nrFiles++}`, 'x'.repeat(1024)), stand.alloc(4096), 0),
  '1024',
]
const AT_EOF: Member = [
  'is at the end of its file',
  (stand) => read(stand.file(`empty${nrFiles++}`, ''), stand.alloc(16), 0),
  '0',
]
let nrFiles = 0

/** What a chain of three gives when member `place` is `bad` and the first two carry these flags. */
function expectChain(bad: Member, place: number, flags: readonly number[]): string {
  const res = ['0', '0', '0']
  res[place] = bad[2]
  if (bad === FAILS_AT_PREP) {
    for (let i = 0; i < 3; i++) if (i !== place) res[i] = '-ECANCELED'
  } else if (bad !== OK && place < 2 && (flags[place]! & HARD) === 0) {
    for (let i = place + 1; i < 3; i++) res[i] = '-ECANCELED'
  }
  return res.map((r, i) => `${i + 1}:${r}`).join(' ')
}

for (const bad of [OK, FAILS_AT_PREP, FAILS_AT_RUN, SHORT, AT_EOF]) {
  conformance(`a chain of links and hard links whose member ${bad[0]}`, (stand) => {
    for (const flags of [LINK, HARD, LINK | HARD].flatMap((a) => [LINK, HARD].map((b) => [a, b, 0]))) {
      for (let place = 0; place < 3; place++) {
        inEachMode(stand, 4, (ring) => {
          for (let i = 0; i < 3; i++) put(ring, i + 1, (i === place ? bad : OK)[1](stand), flags[i])
          submit(ring, 3)
          expectInOrder(ring, expectChain(bad, place, flags))
        })
      }
    }
  })

  conformance(`a chain sent to workers whose member ${bad[0]}`, (stand) => {
    for (const flags of [LINK, HARD]) {
      for (let place = 0; place < 3; place++) {
        const ring = stand.openRing(4)
        for (let i = 0; i < 3; i++) {
          put(ring, i + 1, (i === place ? bad : OK)[1](stand), IOSQE_ASYNC | (i < 2 ? flags : 0))
        }
        submit(ring, 3)
        expectInOrder(ring, expectChain(bad, place, [flags, flags, 0]))
        ring.queueExit()
      }
    }
  })
}

conformance('a failed hard link shields its direct follower alone', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const fails = FAILS_AT_RUN[1](stand)
    put(ring, 1, fails, HARD)
    put(ring, 2, fails, HARD)
    put(ring, 3, nop(), HARD)
    put(ring, 4, fails, LINK)
    put(ring, 5, nop(), HARD)
    put(ring, 6, nop())
    submit(ring, 6)
    expectInOrder(ring, '1:-EBADF 2:-EBADF 3:0 4:-EBADF 5:-ECANCELED 6:-ECANCELED')
  })
})

conformance('a statx or fsync that fails does not break its link', (stand) => {
  // The kernel sets their result and marks no failure; only a file that cannot be looked up does that.
  inEachMode(stand, 8, (ring) => {
    const missing = statx(AT_FDCWD, stand.cstr(stand.path('none')), 0, STATX_SIZE, stand.alloc(STATX.size))
    put(ring, 1, missing, LINK)
    put(ring, 2, fsync(stand.pipe().readEnd), LINK)
    put(ring, 3, fsync(stand.closedFd()), LINK)
    put(ring, 4, nop())
    submit(ring, 4)
    expectInOrder(ring, '1:-ENOENT 2:-EINVAL 3:-EBADF 4:-ECANCELED')
  })
})

conformance('a refused member inside a chain does not stop the batch', (stand) => {
  const ring = stand.openRing(8)
  put(ring, 1, nop(), LINK)
  put(ring, 2, badOpcode, LINK)
  put(ring, 3, nop())
  put(ring, 4, nop())
  submit(ring, 4)
  assert.equal(ring.sq.ready(), 0)
  expectAnyOrder(ring, '1:-ECANCELED 2:-EINVAL 3:-ECANCELED 4:0')
})

conformance('a refused member that ends a chain stops the batch', (stand) => {
  const ring = stand.openRing(8)
  put(ring, 1, nop(), LINK)
  put(ring, 2, badOpcode)
  put(ring, 3, nop())
  submit(ring, 2)
  assert.equal(ring.sq.ready(), 1)
  expectInOrder(ring, '1:-ECANCELED 2:-EINVAL')
  submit(ring, 1)
  expectInOrder(ring, '3:0')
})

conformance('with SUBMIT_ALL a refused member that ends a chain does not stop the batch', (stand) => {
  const ring = stand.openRing(8, { flags: IORING_SETUP_SUBMIT_ALL })
  put(ring, 1, nop(), HARD)
  put(ring, 2, badOpcode)
  put(ring, 3, nop())
  submit(ring, 3)
  expectAnyOrder(ring, '1:-ECANCELED 2:-EINVAL 3:0')
})

conformance('two refused members of one chain each keep their own error', (stand) => {
  const ring = stand.openRing(8)
  put(ring, 1, nop(), LINK)
  put(ring, 2, badOpcode, LINK)
  put(ring, 3, nop(0x40), LINK)
  put(ring, 4, nop())
  submit(ring, 4)
  expectInOrder(ring, '1:-ECANCELED 2:-EINVAL 3:-EINVAL 4:-ECANCELED')
})

conformance('a refused chain has no effects', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const path = stand.path('untouched', 'before')
    const fd = stand.open(path, 'r+')
    put(ring, 1, write(fd, stand.alloc('AFTER!'), 0), HARD)
    put(ring, 2, close(fd), HARD)
    put(ring, 3, badOpcode)
    submit(ring, 3)
    expectInOrder(ring, '1:-ECANCELED 2:-ECANCELED 3:-EINVAL')
    assert.equal(readFileSync(path, 'utf8'), 'before')
    put(ring, 4, fsync(fd))
    submit(ring, 1)
    expectInOrder(ring, '4:0')
  })
})

conformance('a chain left open at the end of enter is closed there', (stand) => {
  inEachMode(stand, 8, (ring) => {
    put(ring, 1, nop(), LINK)
    put(ring, 2, FAILS_AT_RUN[1](stand), LINK)
    submit(ring, 2)
    put(ring, 3, nop())
    submit(ring, 1)
    expectAnyOrder(ring, '1:0 2:-EBADF 3:0')
  })
})

conformance('a refused member of a chain left open cancels what came with it, not what comes later', (stand) => {
  inEachMode(stand, 8, (ring) => {
    put(ring, 1, nop(), LINK)
    put(ring, 2, badOpcode, LINK)
    submit(ring, 2)
    put(ring, 3, nop())
    submit(ring, 1)
    expectAnyOrder(ring, '1:-ECANCELED 2:-EINVAL 3:0')
  })
})

conformance('a chain is cut where one enter ends', (stand) => {
  const ring = stand.openRing(8)
  put(ring, 1, nop(), LINK)
  put(ring, 2, FAILS_AT_RUN[1](stand), LINK)
  put(ring, 3, nop(), LINK)
  put(ring, 4, nop())
  ring.sq.flush()
  equalRes(stand.syscalls.enter(ring.fd, 2, 0, 0), 2)
  equalRes(stand.syscalls.enter(ring.fd, 2, 0, IORING_ENTER_GETEVENTS), 2)
  expectAnyOrder(ring, '1:0 2:-EBADF 3:0 4:0')
})

conformance('a follower does not start before its predecessor is complete', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const { readEnd, writeEnd } = stand.pipe()
    const into = stand.alloc(2)
    put(ring, 1, read(readEnd, into), LINK)
    put(ring, 2, nop(), LINK)
    put(ring, 3, nop())
    put(ring, 4, nop())
    submit(ring, 4)
    expectInOrder(ring, '4:0')
    expectNothing(ring, 'the head of the chain waits for data')
    put(ring, 5, write(writeEnd, stand.alloc('hi')))
    submit(ring, 1)
    const order = reap(ring, 4).map(({ userData }) => userData)
    assert.deepEqual(
      order.filter((userData) => userData < 4),
      [1, 2, 3],
    )
  })
})

conformance('chains do not wait for one another', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const [first, second] = [stand.pipe(), stand.pipe()]
    put(ring, 1, read(first.readEnd, stand.alloc(1)), LINK)
    put(ring, 2, nop())
    put(ring, 3, read(second.readEnd, stand.alloc(1)), LINK)
    put(ring, 4, nop())
    submit(ring, 4)
    put(ring, 5, write(second.writeEnd, stand.alloc('b')), LINK)
    put(ring, 6, nop())
    submit(ring, 2)
    expectAnyOrder(ring, '3:1 4:0 5:1 6:0')
    put(ring, 7, write(first.writeEnd, stand.alloc('a')))
    submit(ring, 1)
    expectAnyOrder(ring, '1:1 2:0 7:1')
  })
})

conformance('what one member wrote the next one reads', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const fd = stand.file('data', '', 'w+')
    for (const sqeFlags of [0, IOSQE_ASYNC]) {
      const into = stand.alloc(6)
      put(ring, 1, write(fd, stand.alloc('linked'), 0), LINK | sqeFlags)
      put(ring, 2, fsync(fd), LINK | sqeFlags)
      put(ring, 3, read(fd, into, 0), sqeFlags)
      submit(ring, 3)
      expectInOrder(ring, '1:6 2:0 3:6')
      assert.equal(Buffer.from(into).toString(), 'linked')
    }
  })
})

conformance('a file is looked up when its request is issued: what one member closed the next one misses', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const fd = stand.highFd(stand.file('data', 'abc'))
    stand.disown(fd)
    put(ring, 1, close(fd), LINK)
    put(ring, 2, read(fd, stand.alloc(3), 0))
    submit(ring, 2)
    expectInOrder(ring, '1:0 2:-EBADF')
  })
})

conformance('a chain as long as the SQ runs to its end', (stand) => {
  inEachMode(stand, 256, (ring) => {
    const fd = stand.file('log', '', 'w+')
    for (let i = 0; i < 255; i++)
      put(ring, i, i % 5 === 0 ? write(fd, stand.alloc([...'abc'].at(i % 3)!)) : nop(), LINK)
    put(ring, 255, nop())
    submit(ring, 256)
    for (const [i, { userData }] of reap(ring, 256).entries()) assert.equal(userData, i)
    assert.equal(readFileSync(fd, { encoding: 'utf8' }), '')
    const into = stand.alloc(64)
    put(ring, 1, read(fd, into, 0))
    submit(ring, 1)
    expectInOrder(ring, '1:51')
    assert.equal(Buffer.from(into).toString('latin1', 0, 51), 'acb'.repeat(17))
  })
})

conformance('many chains in one batch each keep their order', (stand) => {
  inEachMode(stand, 64, (ring) => {
    for (let chain = 0; chain < 16; chain++) {
      for (let i = 0; i < 4; i++) {
        put(ring, chain * 4 + i, nop(), (i < 3 ? LINK : 0) | (chain % 3 === 0 ? IOSQE_ASYNC : 0))
      }
    }
    submit(ring, 64)
    const next = new Array<number>(16).fill(0)
    for (const { userData, res } of reap(ring, 64)) {
      assert.equal(res, 0)
      assert.equal(userData & 3, next[userData >> 2]!++, `chain ${userData >> 2}`)
    }
  })
})
