/**
 * Submission: what enter returns, where a batch stops, and when an SQE is read. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import { fstatSync } from 'node:fs'
import {
  AT_FDCWD,
  IORING_ENTER_GETEVENTS,
  IORING_SETUP_SUBMIT_ALL,
  IOSQE_BUFFER_SELECT,
  O_RDONLY,
  STATX_SIZE,
} from '../../src/abi/constants.js'
import { STATX } from '../../src/abi/structs.js'
import { EINVAL, EOPNOTSUPP } from '../../src/lib/errno.js'
import { setPersonality, setUserData } from '../../src/ring/prep.js'
import { addressOf } from '../../src/sys/memory.js'
import { equalRes, expectAnyOrder, expectInOrder, named, put, reap, submit } from './cqes.js'
import { badOpcode, type Fill, nop, openat, read, readv, statx, withFields, write, writev } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'

// biome-ignore format: table
const REFUSED_SQES: readonly (readonly [what: string, fill: Fill, sqeFlags: number, errno: number])[] = [
  ['an unknown opcode',               badOpcode,                                             0,                   EINVAL],
  ['SQE flag bit 7',                  nop(),                                                 0x80,                EINVAL],
  ['a buffer asked of a NOP',         nop(),                                                 IOSQE_BUFFER_SELECT, EOPNOTSUPP],
  ['I/O priority of a NOP',           withFields(nop(), { ioprio: 1 }),                      0,                   EINVAL],
  ['an unknown personality',          withPersonality,                                       0,                   EINVAL],
  ['an unknown NOP flag',             nop(0x40),                                             0,                   EINVAL],
]

function withPersonality(words: Int32Array, at: number): void {
  nop()(words, at)
  setPersonality(words, at, 321)
}

for (const [what, fill, sqeFlags, errno] of REFUSED_SQES) {
  conformance(`a batch stops after ${what}, which is counted`, (stand) => {
    const ring = stand.openRing(8)
    put(ring, 1, nop())
    put(ring, 2, fill, sqeFlags)
    put(ring, 3, nop())
    put(ring, 4, nop())
    submit(ring, 2)
    assert.equal(ring.sq.ready(), 2)
    expectInOrder(ring, `1:0 2:${named(-errno)}`)
    submit(ring, 2)
    assert.equal(ring.sq.ready(), 0)
    expectInOrder(ring, '3:0 4:0')
  })

  conformance(`with SUBMIT_ALL a batch goes on after ${what}`, (stand) => {
    const ring = stand.openRing(8, { flags: IORING_SETUP_SUBMIT_ALL })
    put(ring, 1, nop())
    put(ring, 2, fill, sqeFlags)
    put(ring, 3, nop())
    submit(ring, 3)
    assert.equal(ring.sq.ready(), 0)
    expectInOrder(ring, `1:0 2:${named(-errno)} 3:0`)
  })
}

conformance('a refused SQE in the last place leaves nothing queued', (stand) => {
  inEachMode(stand, 4, (ring) => {
    put(ring, 1, nop())
    put(ring, 2, badOpcode)
    submit(ring, 2)
    assert.equal(ring.sq.ready(), 0)
    expectInOrder(ring, '1:0 2:-EINVAL')
  })
})

conformance('a request that fails when it is issued does not stop the batch', (stand) => {
  const ring = stand.openRing(8)
  const bytes = stand.alloc(8)
  put(ring, 1, nop())
  put(ring, 2, read(stand.closedFd(), bytes, 0))
  put(ring, 3, nop())
  submit(ring, 3)
  expectAnyOrder(ring, '1:0 2:-EBADF 3:0')
})

conformance('asking for more than is queued is no error', (stand) => {
  const ring = stand.openRing(8)
  for (let i = 0; i < 3; i++) put(ring, i, nop())
  ring.sq.flush()
  equalRes(stand.syscalls.enter(ring.fd, 100, 0, 0), 3)
  expectInOrder(ring, '0:0 1:0 2:0')
})

conformance('asking for less leaves the rest queued', (stand) => {
  inEachMode(stand, 8, (ring) => {
    for (let i = 0; i < 5; i++) put(ring, i, nop())
    ring.sq.flush()
    equalRes(stand.syscalls.enter(ring.fd, 2, 0, 0), 2)
    assert.equal(ring.sq.ready(), 3)
    expectInOrder(ring, '0:0 1:0')
    equalRes(stand.syscalls.enter(ring.fd, 3, 0, 0), 3)
    expectInOrder(ring, '2:0 3:0 4:0')
  })
})

conformance('a batch that stopped early does not wait', (stand) => {
  const ring = stand.openRing(8)
  put(ring, 1, nop())
  put(ring, 2, badOpcode)
  put(ring, 3, nop())
  ring.sq.flush()
  equalRes(stand.syscalls.enter(ring.fd, 3, 100, IORING_ENTER_GETEVENTS), 2)
  expectInOrder(ring, '1:0 2:-EINVAL')
  submit(ring, 1)
  expectInOrder(ring, '3:0')
})

conformance('all 64 bits of user_data come back', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const values: [low: number, high: number][] = [
      [0, 0],
      [0xffff_ffff, 0xffff_ffff],
      [0, 0x8000_0000],
      [0xdead_beef, 0x0123_4567],
      [1, 0],
      [0, 1],
    ]
    for (const [low, high] of values) setUserData(ring.sq.words, put(ring, 0, nop()), low | 0, high | 0)
    submit(ring, values.length)
    assert.deepEqual(
      reap(ring, values.length).map(({ userData, userDataHigh }) => [userData, userDataHigh]),
      values,
    )
  })
})

/** Overwrites every SQE, as an app may once enter has returned. */
function scribble(words: Int32Array): void {
  words.fill(-1)
}

conformance('SQEs may be overwritten once enter has returned', (stand) => {
  inEachMode(stand, 4, (ring) => {
    const { readEnd, writeEnd } = stand.pipe()
    const [into, from] = [stand.alloc(5), stand.alloc('hello')]
    put(ring, 1, read(readEnd, into, 0))
    submit(ring, 1)
    scribble(ring.sq.words)
    put(ring, 2, write(writeEnd, from, 0))
    submit(ring, 1)
    scribble(ring.sq.words)
    expectAnyOrder(ring, '1:5 2:5')
    assert.equal(Buffer.from(into).toString(), 'hello')
  })
})

conformance('iovecs may be overwritten once enter has returned', (stand) => {
  const ring = stand.openRing(4)
  const { readEnd, writeEnd } = stand.pipe()
  const into = [stand.alloc(3), stand.alloc(4)]
  const readVecs = stand.iovecs(into)
  put(ring, 1, readv(readEnd, readVecs, 2, 0))
  submit(ring, 1)
  readVecs.fill(1n)
  const writeVecs = stand.iovecs([stand.alloc('abcd'), stand.alloc('efg')])
  put(ring, 2, writev(writeEnd, writeVecs, 2, 0))
  submit(ring, 1)
  writeVecs.fill(1n)
  expectAnyOrder(ring, '1:7 2:7')
  assert.equal(Buffer.concat(into).toString(), 'abcdefg')
})

conformance('paths may be overwritten once enter has returned', (stand) => {
  inEachMode(stand, 4, (ring) => {
    const contents = 'x'.repeat(123)
    const paths = [0, 1].map(() => stand.alloc(`${stand.path('file', contents)}\0`))
    const result = stand.alloc(STATX.size)
    put(ring, 1, openat(AT_FDCWD, addressOf(paths[0]!), O_RDONLY))
    put(ring, 2, statx(AT_FDCWD, addressOf(paths[1]!), 0, STATX_SIZE, result))
    submit(ring, 2)
    scribble(ring.sq.words)
    for (const path of paths) path.fill(0x2f)
    const cqes = reap(ring, 2)
    const [opened] = cqes.filter(({ userData }) => userData === 1)
    const [stated] = cqes.filter(({ userData }) => userData === 2)
    equalRes(stated!.res, 0, 'statx')
    assert.equal(new DataView(result.buffer).getUint32(STATX.at.stx_size, true), 123)
    assert.equal(fstatSync(stand.own(opened!.res)).size, 123)
  })
})
