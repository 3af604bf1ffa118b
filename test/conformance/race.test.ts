/**
 * Cancels, data and completions that race: whatever wins, each request ends exactly once. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import { IORING_ASYNC_CANCEL_ALL, IOSQE_ASYNC, IOSQE_IO_LINK, O_NONBLOCK } from '../../src/abi/constants.js'
import { EALREADY, ECANCELED, EINTR, ENOENT } from '../../src/lib/errno.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import { expectNothing, named, put, reap, submit } from './cqes.js'
import { cancel, nop, read, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'

const ROUNDS = 300
const CANCEL = 1000
const WRITE = 2000

conformance('a read, its data and its cancel race', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const { readEnd, writeEnd } = stand.pipe(O_NONBLOCK)
    const [into, byte, rest] = [stand.alloc(1), stand.alloc('x'), stand.alloc(64)]
    for (let round = 0; round < ROUNDS; round++) {
      put(ring, 1, read(readEnd, into), round & 1 ? IOSQE_ASYNC : 0)
      if (round & 2) submit(ring, 1)
      put(ring, WRITE, write(writeEnd, byte), round & 4 ? IOSQE_ASYNC : 0)
      put(ring, CANCEL, cancel(1), round & 8 ? IOSQE_ASYNC : 0)
      submit(ring, round & 2 ? 2 : 3)
      const ends = new Map(reap(ring, 3).map(({ userData, res }) => [userData, res]))
      assert.deepEqual(
        [...ends.keys()].sort((a, b) => a - b),
        [1, CANCEL, WRITE],
      )
      const [readRes, cancelRes] = [ends.get(1)!, ends.get(CANCEL)!]
      assert.equal(ends.get(WRITE), 1)
      assert.ok([1, -ECANCELED, -EINTR].includes(readRes), `read: ${named(readRes)}`)
      assert.ok([0, -EALREADY, -ENOENT].includes(cancelRes), `cancel: ${named(cancelRes)}`)
      if (cancelRes === 0) assert.equal(named(readRes), '-ECANCELED', 'a cancel that says 0 has cancelled')
      if (cancelRes === -ENOENT) assert.equal(readRes, 1, 'a request that is not found runs')
      const left = libc('read')(readEnd, addressOf(rest), 64)
      assert.equal(left > 0 ? left : 0, readRes === 1 ? 0 : 1, 'the byte is in the pipe unless the read has it')
    }
    expectNothing(ring, 'each ends once')
  })
})

conformance('work that floods io-wq and is cancelled ends once each', (stand) => {
  inEachMode(
    stand,
    64,
    (ring) => {
      for (let round = 0; round < 20; round++) {
        for (let i = 0; i < 60; i++) put(ring, i, nop(), IOSQE_ASYNC | (i % 3 === 0 ? IOSQE_IO_LINK : 0))
        for (let i = 0; i < 4; i++) put(ring, CANCEL + i, cancel(i * 7, IORING_ASYNC_CANCEL_ALL))
        submit(ring, 64)
        const seen = new Set<number>()
        for (const { userData, res } of reap(ring, 64)) {
          assert.ok(!seen.has(userData), `${userData} ended twice`)
          seen.add(userData)
          if (userData < CANCEL) assert.ok([0, -ECANCELED].includes(res), `${userData}: ${named(res)}`)
          else assert.ok(res >= 0, named(res))
        }
      }
      expectNothing(ring, 'each ends once')
    },
    { cqEntries: 64 },
  )
})
