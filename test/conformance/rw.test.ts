/**
 * READ, WRITE, READV, WRITEV on files and devices. Bodies for every backend; pipes are in pipe.test.ts.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { IOSQE_ASYNC, IOSQE_IO_LINK, O_APPEND, O_DIRECTORY, O_WRONLY, RWF_NOWAIT } from '../../src/abi/constants.js'
import { MAX_RW_COUNT } from '../../src/abi/limits.js'
import { EAGAIN, EBADF, EFAULT, EINVAL, EOPNOTSUPP } from '../../src/lib/errno.js'
import { prepReadv, prepWritev } from '../../src/ring/prep.js'
import { equalRes, expectInOrder, expectRun, named, put, reap, run, submit } from './cqes.js'
import { type Fill, read, readTo, readv, withFields, write, writeFrom, writev } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import type { Stand } from './stand.js'

const { EISDIR, ENOSPC } = constants.errno
const WAYS = [0, IOSQE_ASYNC]

/** Bytes that look random and are the same each time. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = 0x2545f491
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    bytes[i] = state >>> 24
  }
  return bytes
}

const string = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

conformance('a read at the file position that meets the end tells of all that it read', (stand) => {
  inEachMode(stand, 4, (ring) => {
    for (const way of WAYS) {
      const into = stand.alloc(64)
      expectRun(ring, read(stand.file('short', '0123456789'), into), 10, 'read', way)
      assert.equal(string(into.subarray(0, 10)), '0123456789')
    }
  })
})

conformance('reads and writes at an offset leave the file position alone', (stand) => {
  inEachMode(stand, 4, (ring) => {
    const fd = stand.file('file', '0123456789')
    for (const way of WAYS) {
      const into = stand.alloc(4)
      expectRun(ring, write(fd, stand.alloc('abc'), 4), 3, 'write at 4', way)
      expectRun(ring, read(fd, into, 3), 4, 'read at 3', way)
      assert.equal(string(into), '3abc')
    }
    const first = stand.alloc(2)
    expectRun(ring, read(fd, first, -1), 2, 'read at the position')
    assert.equal(string(first), '01')
  })
})

conformance('offset -1 is the file position, and moves it', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const path = stand.path('file', '0123456789')
    for (const way of WAYS) {
      const fd = stand.open(path, 'r+')
      const [a, b] = [stand.alloc(3), stand.alloc(2)]
      expectRun(ring, read(fd, a, -1), 3, 'read', way)
      expectRun(ring, write(fd, stand.alloc('xy'), -1), 2, 'write', way)
      expectRun(ring, read(fd, b, -1), 2, 'read', way)
      assert.equal(string(a) + string(b), '01256')
      assert.equal(readFileSync(path, 'latin1'), '012xy56789')
      writeFileSync(path, '0123456789')
    }
  })
})

conformance('linked requests at the file position follow each other', (stand) => {
  const ring = stand.openRing(8)
  const fd = stand.file('file', 'abcdefgh')
  const parts = [stand.alloc(2), stand.alloc(2), stand.alloc(4)]
  for (const [i, part] of parts.entries()) put(ring, i, read(fd, part, -1), i < 2 ? IOSQE_IO_LINK : 0)
  submit(ring, 3)
  expectInOrder(ring, '0:2 1:2 2:4')
  assert.equal(parts.map(string).join(''), 'abcdefgh')
})

conformance('a read past the end gives 0, and one across it gives what there is', (stand) => {
  inEachMode(stand, 4, (ring) => {
    const fd = stand.file('file', 'x'.repeat(1024))
    const into = stand.alloc(4096)
    const vecs = stand.iovecs([into.subarray(0, 1000), into.subarray(1000)])
    for (const way of WAYS) {
      expectRun(ring, read(fd, into, 0), 1024, 'read of 4096', way)
      expectRun(ring, readv(fd, vecs, 2, 0), 1024, 'readv of 4096', way)
      expectRun(ring, read(fd, into, 1000), 24, 'read across the end', way)
      expectRun(ring, read(fd, into, 1024), 0, 'read at the end', way)
      expectRun(ring, read(fd, into, 1_000_000), 0, 'read far beyond', way)
      expectRun(ring, readv(fd, vecs, 2, 5000), 0, 'readv beyond', way)
    }
  })
})

conformance('readv and writev scatter and gather', (stand) => {
  inEachMode(stand, 4, (ring) => {
    const path = stand.path('file', '')
    const fd = stand.open(path, 'r+')
    for (const way of WAYS) {
      const out = ['one', '', 'twelve', '!'].map((text) => stand.alloc(text))
      expectRun(ring, writev(fd, stand.iovecs(out), 4, 2), 10, 'writev at 2', way)
      assert.equal(readFileSync(path, 'latin1'), '\0\0onetwelve!')
      const parts = [1, 5, 0, 4].map((length) => stand.alloc(length))
      expectRun(ring, readv(fd, stand.iovecs(parts), 4, 2), 10, 'readv at 2', way)
      assert.deepEqual(parts.map(string), ['o', 'netwe', '', 'lve!'])
    }
  })
})

conformance('no iovec and no byte transfer nothing', (stand) => {
  const ring = stand.openRing(4)
  const fd = stand.file('file', 'contents')
  const vecs = stand.iovecs([])
  for (const way of WAYS) {
    expectRun(ring, readv(fd, vecs, 0, 0), 0, 'readv of no iovec', way)
    expectRun(ring, writev(fd, vecs, 0, 0), 0, 'writev of no iovec', way)
    expectRun(ring, readTo(fd, 0, 0, 0), 0, 'read of no byte', way)
    expectRun(ring, writeFrom(fd, 0, 0, 0), 0, 'write of no byte', way)
    expectRun(ring, readTo(stand.closedFd(), 0, 0, 0), -EBADF, 'read of no byte from a closed fd', way)
  }
})

conformance('files written in pieces read back whole, however they are cut', (stand) => {
  inEachMode(stand, 64, (ring) => {
    const MiB = 1 << 20
    const data = stand.alloc(pattern(MiB))
    const path = stand.path('big', '')
    const fd = stand.open(path, 'r+')
    for (const [way, cut] of [
      [0, 20_011],
      [IOSQE_ASYNC, 16_384],
    ] as const) {
      const pieces: Uint8Array[] = []
      for (let off = 0; off < MiB; off += cut) pieces.push(data.subarray(off, Math.min(MiB, off + cut)))
      pieces.forEach((piece, i) => {
        const whole = i % 2 === 0
        const halves = [piece.subarray(0, 100), piece.subarray(100)]
        put(ring, i, whole ? write(fd, piece, i * cut) : writev(fd, stand.iovecs(halves), 2, i * cut), way)
      })
      submit(ring, pieces.length)
      for (const { userData, res } of reap(ring, pieces.length)) equalRes(res, pieces[userData]!.byteLength, 'write')
      assert.ok(readFileSync(path).equals(data), 'the file has what was written')
      const back = stand.alloc(MiB)
      for (let i = 0; i < pieces.length; i++) {
        put(ring, i, read(fd, back.subarray(i * cut, Math.min(MiB, (i + 1) * cut)), i * cut), way)
      }
      submit(ring, pieces.length)
      for (const { userData, res } of reap(ring, pieces.length)) equalRes(res, pieces[userData]!.byteLength, 'read')
      assert.ok(Buffer.from(back).equals(data), 'what was read is what the file has')
      writeFileSync(path, '')
    }
  })
})

conformance('one large read and one large write', (stand) => {
  const ring = stand.openRing(4)
  const size = (8 << 20) + 13
  const data = stand.alloc(pattern(size))
  const path = stand.path('large', '')
  const fd = stand.open(path, 'r+')
  for (const way of WAYS) {
    expectRun(ring, write(fd, data, 0), size, 'write', way)
    const back = stand.alloc(size)
    expectRun(ring, read(fd, back, 0), size, 'read', way)
    assert.ok(Buffer.from(back).equals(data))
  }
})

conformance('a file opened to append is written at its end, whatever the offset', (stand) => {
  const ring = stand.openRing(4)
  const path = stand.path('file', 'start')
  const fd = stand.open(path, O_WRONLY | O_APPEND)
  for (const way of WAYS) expectRun(ring, write(fd, stand.alloc('+end'), 0), 4, 'write', way)
  assert.equal(readFileSync(path, 'latin1'), 'start+end+end')
})

conformance('an fd that is closed, or opened for the other direction, is refused', (stand) => {
  const ring = stand.openRing(4)
  const [readOnly, writeOnly] = [stand.file('r', 'abc', 'r'), stand.file('w', 'abc', 'a')]
  const bytes = stand.alloc(3)
  const vecs = stand.iovecs([bytes])
  for (const way of WAYS) {
    for (const fd of [stand.closedFd(), -1, -100, 20_000_000]) {
      const fills: Fill[] = [read(fd, bytes, 0), write(fd, bytes, 0), readv(fd, vecs, 1, 0), writev(fd, vecs, 1, 0)]
      for (const fill of fills) expectRun(ring, fill, -EBADF, `fd ${fd}`, way)
    }
    expectRun(ring, write(readOnly, bytes, 0), -EBADF, 'write to a file opened to read', way)
    expectRun(ring, writev(readOnly, vecs, 1, 0), -EBADF, 'writev to a file opened to read', way)
    expectRun(ring, read(writeOnly, bytes, 0), -EBADF, 'read of a file opened to write', way)
    expectRun(ring, readv(writeOnly, vecs, 1, 0), -EBADF, 'readv of a file opened to write', way)
  }
})

conformance('a folder is not read or written', (stand) => {
  const ring = stand.openRing(4)
  const fd = stand.open(stand.dir(), O_DIRECTORY)
  for (const way of WAYS) {
    expectRun(ring, read(fd, stand.alloc(4), 0), -EISDIR, 'read', way)
    expectRun(ring, write(fd, stand.alloc(4), 0), -EBADF, 'write', way)
  }
})

conformance('addresses outside the process are refused', (stand) => {
  const ring = stand.openRing(4)
  const fd = stand.file('file', 'contents')
  for (const way of WAYS) {
    for (const address of [0, 1, 4096]) {
      expectRun(ring, readTo(fd, address, 8, 0), -EFAULT, `read to ${address}`, way)
      expectRun(ring, writeFrom(fd, address, 8, 0), -EFAULT, `write from ${address}`, way)
    }
    const vecs = stand.iovecs([stand.alloc(1)])
    vecs[0] = 4096n
    expectRun(ring, readv(fd, vecs, 1, 0), -EFAULT, 'readv to 4096', way)
    expectRun(ring, writev(fd, vecs, 1, 0), -EFAULT, 'writev from 4096', way)
  }
  assert.equal(readFileSync(stand.path('file'), 'latin1'), 'contents')
})

const badVecs = (prep: typeof prepReadv, fd: number, address: number, nr: number): Fill => {
  return (words, at) => prep(words, at, fd, address, nr, 0)
}

conformance('iovecs that cannot be read, are too many or too long are refused when submitted', (stand) => {
  const ring = stand.openRing(4)
  const fd = stand.file('file', 'contents')
  const vecs = stand.iovecs([stand.alloc(4)])
  const negative = stand.iovecs([stand.alloc(4)])
  negative[1] = 2n ** 63n
  for (const prep of [prepReadv, prepWritev]) {
    expectRun(ring, badVecs(prep, fd, 0, 1), -EFAULT, 'iovecs at 0')
    expectRun(ring, badVecs(prep, fd, 8, 2), -EFAULT, 'iovecs at 8')
    const fill = prep === prepReadv ? readv : writev
    expectRun(ring, fill(fd, vecs, 1025, 0), -EINVAL, '1025 iovecs')
    expectRun(ring, fill(fd, negative, 1, 0), -EINVAL, 'a length with the sign bit')
    // Refused at prep: a batch stops there.
    put(ring, 1, badVecs(prep, fd, 0, 1))
    put(ring, 2, read(fd, stand.alloc(1), 0))
    submit(ring, 1)
    submit(ring, 1)
    expectInOrder(ring, '1:-EFAULT 2:1')
  }
})

conformance('flags of a transfer that are unknown are not supported', (stand) => {
  const ring = stand.openRing(4)
  const fd = stand.file('file', 'contents')
  const bytes = stand.alloc(4)
  for (const way of WAYS) {
    for (const fill of [read(fd, bytes, 0), write(fd, bytes, 0), readv(fd, stand.iovecs([bytes]), 1, 0)]) {
      expectRun(ring, withFields(fill, { rw_flags: 0x4000_0000 }), -EOPNOTSUPP, 'rw_flags', way)
    }
  }
})

conformance('RWF_NOWAIT reads what is cached, or says that it would wait', (stand) => {
  const ring = stand.openRing(4)
  const fd = stand.file('file', 'contents')
  for (const way of WAYS) {
    const res = run(ring, withFields(read(fd, stand.alloc(8), 0), { rw_flags: RWF_NOWAIT }), way)
    assert.ok([8, -EAGAIN].includes(res), named(res))
  }
})

conformance('an offset below -1 is refused', (stand) => {
  const ring = stand.openRing(4)
  const fd = stand.file('file', 'contents')
  for (const way of WAYS) {
    expectRun(ring, read(fd, stand.alloc(4), -2), -EINVAL, 'read at -2', way)
    expectRun(ring, write(fd, stand.alloc(4), -2), -EINVAL, 'write at -2', way)
  }
})

// A page and no more: a read of /dev/zero looks after each page whether a signal is pending, and the kernel interrupts a
// thread once, some time after that thread has closed a ring.
conformance('devices are read and written', (stand) => {
  const ring = stand.openRing(4)
  const open = (stand: Stand, name: string) => stand.open(`/dev/${name}`, 'r+')
  for (const way of WAYS) {
    for (const off of [0, -1]) {
      const bytes = stand.alloc('x'.repeat(4096))
      expectRun(ring, write(open(stand, 'null'), bytes, off), 4096, '/dev/null', way)
      expectRun(ring, write(open(stand, 'full'), bytes, off), -ENOSPC, '/dev/full', way)
      expectRun(ring, read(open(stand, 'null'), bytes, off), 0, '/dev/null', way)
      expectRun(ring, read(open(stand, 'zero'), bytes, off), 4096, '/dev/zero', way)
      assert.ok(bytes.every((byte) => byte === 0))
    }
  }
})

conformance('lengths of iovecs are taken as far as one call moves, and refused where they are negative', (stand) => {
  const ring = stand.openRing(8)
  const bytes = pattern(1 << 16)
  for (const way of WAYS) {
    const fd = stand.file(`lengths-${way}`, bytes)
    const into = stand.alloc(bytes.length)
    for (const length of [2n ** 31n, 2n ** 32n, 2n ** 32n + 5n, BigInt(MAX_RW_COUNT)]) {
      const vecs = stand.iovecs([into.subarray(0, 100), into.subarray(100)])
      vecs[3] = length
      into.fill(0)
      expectRun(ring, readv(fd, vecs, 2, 0), bytes.length, `readv with an iovec of ${length} bytes`, way)
      assert.deepEqual(into, bytes)
      // Beyond what one call moves the others are as if they had no bytes.
      vecs[1] = 0n
      expectRun(ring, readv(fd, vecs, 2, 100), bytes.length - 100, `readv after an empty one, ${length}`, way)
    }
    const beyond = stand.iovecs([into.subarray(0, 100), into.subarray(100)])
    beyond[3] = 2n ** 63n - 1n
    expectRun(ring, readv(fd, beyond, 2, 0), -EFAULT, 'readv with an iovec that leaves user space', way)
    for (const length of [2n ** 63n, 2n ** 64n - 1n]) {
      for (const at of [1, 3]) {
        const vecs = stand.iovecs([into.subarray(0, 100), into.subarray(100)])
        vecs[at] = length
        expectRun(ring, readv(fd, vecs, 2, 0), -EINVAL, `readv with an iovec of ${length} bytes`, way)
        expectRun(ring, writev(fd, vecs, 2, 0), -EINVAL, `writev with an iovec of ${length} bytes`, way)
      }
    }
  }
})
