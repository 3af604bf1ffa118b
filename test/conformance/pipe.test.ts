/**
 * Reads and writes that may have to wait: pipes and eventfds. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import { writeSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { IOSQE_ASYNC, IOSQE_IO_LINK, O_NONBLOCK, RWF_NOWAIT } from '../../src/abi/constants.js'
import { EAGAIN, EBADF, EFAULT, EINTR, EPIPE } from '../../src/lib/errno.js'
import { gettid } from '../../src/sys/libc.js'
import { expectAnyOrder, expectInOrder, expectNothing, expectRun, ok, put, reap, submit } from './cqes.js'
import { read, readTo, readv, withFields, write, writev } from './fills.js'
import { conformance } from './harness.js'
import { DEFER, inEachMode } from './modes.js'
import { inThread } from './other-thread.js'

const WAYS = [0, IOSQE_ASYNC]
const string = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

conformance('a read of a pipe takes what is there, whatever its offset', (stand) => {
  inEachMode(stand, 4, (ring) => {
    const { readEnd, writeEnd } = stand.pipe()
    for (const way of WAYS) {
      for (const off of [-1, 0, 5]) {
        const into = stand.alloc(16)
        expectRun(ring, write(writeEnd, stand.alloc('hello'), off), 5, `write at ${off}`, way)
        expectRun(ring, read(readEnd, into, off), 5, `read at ${off}`, way)
        assert.equal(string(into.subarray(0, 6)), 'hello\0')
      }
    }
  })
})

conformance('a read of an empty pipe completes when data comes', (stand) => {
  inEachMode(stand, 4, (ring) => {
    for (const way of WAYS) {
      for (const flags of [0, O_NONBLOCK]) {
        const { readEnd, writeEnd } = stand.pipe(flags)
        const into = stand.alloc(16)
        put(ring, 1, read(readEnd, into), way)
        submit(ring, 1)
        expectNothing(ring, 'the pipe is empty')
        writeSync(writeEnd, 'later')
        expectInOrder(ring, '1:5')
        assert.equal(string(into.subarray(0, 5)), 'later')
      }
    }
  })
})

conformance('a vectored read of an empty pipe completes when data comes', (stand) => {
  const ring = stand.openRing(4)
  const { readEnd, writeEnd } = stand.pipe()
  const parts = [stand.alloc(2), stand.alloc(8)]
  put(ring, 1, readv(readEnd, stand.iovecs(parts), 2))
  submit(ring, 1)
  put(ring, 2, writev(writeEnd, stand.iovecs([stand.alloc('la'), stand.alloc('ter')]), 2))
  submit(ring, 1)
  expectAnyOrder(ring, '1:5 2:5')
  assert.equal(string(parts[0]!) + string(parts[1]!.subarray(0, 3)), 'later')
})

conformance('a pipe whose writers are gone is at its end', (stand) => {
  inEachMode(stand, 4, (ring) => {
    for (const way of WAYS) {
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, 1, read(readEnd, stand.alloc(16)), way)
      submit(ring, 1)
      stand.closeFd(writeEnd)
      expectInOrder(ring, '1:0')
      expectRun(ring, read(readEnd, stand.alloc(16)), 0, 'another read', way)
    }
  })
})

conformance('a pipe whose readers are gone breaks', (stand) => {
  const ring = stand.openRing(4)
  const { readEnd, writeEnd } = stand.pipe()
  stand.closeFd(readEnd)
  for (const way of WAYS) expectRun(ring, write(writeEnd, stand.alloc('x')), -EPIPE, 'write', way)
})

conformance('the wrong end of a pipe is refused', (stand) => {
  const ring = stand.openRing(4)
  const { readEnd, writeEnd } = stand.pipe()
  for (const way of WAYS) {
    expectRun(ring, read(writeEnd, stand.alloc(1)), -EBADF, 'read of the write end', way)
    expectRun(ring, write(readEnd, stand.alloc(1)), -EBADF, 'write to the read end', way)
  }
})

conformance('a write to a full pipe completes when there is room', (stand) => {
  inEachMode(stand, 4, (ring) => {
    const { readEnd, writeEnd } = stand.pipe()
    const full = stand.alloc(65536)
    expectRun(ring, write(writeEnd, full), 65536, 'the write that fills it')
    put(ring, 1, write(writeEnd, stand.alloc(4096)))
    submit(ring, 1)
    expectNothing(ring, 'the pipe is full')
    put(ring, 2, read(readEnd, full))
    submit(ring, 1)
    expectAnyOrder(ring, '1:4096 2:65536')
  })
})

conformance('RWF_NOWAIT does not wait for a pipe', (stand) => {
  const ring = stand.openRing(4)
  const { readEnd, writeEnd } = stand.pipe()
  const nowait = withFields(read(readEnd, stand.alloc(4)), { rw_flags: RWF_NOWAIT })
  for (const way of WAYS) {
    expectRun(ring, nowait, -EAGAIN, 'read of an empty pipe', way)
    writeSync(writeEnd, 'data')
    expectRun(ring, nowait, 4, 'read of a pipe with data', way)
  }
})

conformance('a bad address shows when the data comes', (stand) => {
  const ring = stand.openRing(4)
  const { readEnd, writeEnd } = stand.pipe()
  put(ring, 1, readTo(readEnd, 4096, 4))
  submit(ring, 1)
  writeSync(writeEnd, 'data')
  expectInOrder(ring, '1:-EFAULT')
  writeSync(writeEnd, 'data')
  expectRun(ring, readTo(readEnd, 0, 4), -EFAULT, 'read to NULL')
})

conformance('a short read of a pipe breaks its link', (stand) => {
  const ring = stand.openRing(4)
  const { readEnd, writeEnd } = stand.pipe()
  put(ring, 1, read(readEnd, stand.alloc(16)), IOSQE_IO_LINK)
  put(ring, 2, write(writeEnd, stand.alloc('never')))
  submit(ring, 2)
  writeSync(writeEnd, 'abc')
  expectInOrder(ring, '1:3 2:-ECANCELED')
})

conformance('many readers of one pipe share what is written', (stand) => {
  inEachMode(stand, 32, (ring) => {
    const { readEnd, writeEnd } = stand.pipe()
    const parts = Array.from({ length: 32 }, () => stand.alloc(1))
    for (const [i, part] of parts.entries()) put(ring, i, read(readEnd, part))
    submit(ring, 32)
    expectNothing(ring, 'the pipe is empty')
    const text = 'abcdefghijklmnopqrstuvwxyz012345'
    writeSync(writeEnd, text)
    for (const { res } of reap(ring, 32)) assert.equal(res, 1)
    assert.deepEqual(parts.map(string).sort(), text.split('').sort())
  })
})

conformance('reads of a pipe and of a file side by side get their own data', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const { readEnd, writeEnd } = stand.pipe()
    const fd = stand.file('file', 'FILEDATA')
    const [head, fromPipe, tail] = [stand.alloc(4), stand.alloc(8), stand.alloc(4)]
    const vecs = [head, fromPipe, tail].map((view) => stand.iovecs([view]))
    put(ring, 1, readv(fd, vecs[0]!, 1, 0))
    put(ring, 2, readv(readEnd, vecs[1]!, 1))
    put(ring, 3, readv(fd, vecs[2]!, 1, 4))
    submit(ring, 3)
    expectAnyOrder(ring, '1:4 3:4')
    writeSync(writeEnd, 'pipedata')
    expectInOrder(ring, '2:8')
    assert.equal([head, fromPipe, tail].map(string).join(' '), 'FILE pipedata DATA')
  })
})

conformance('a waiting request keeps its file, though the app closes the fd', (stand) => {
  // Not so one with IOSQE_ASYNC: its worker looks the file up, maybe after the close.
  inEachMode(stand, 4, (ring) => {
    const { readEnd, writeEnd } = stand.pipe()
    const into = stand.alloc(4)
    put(ring, 1, read(readEnd, into))
    submit(ring, 1)
    stand.closeFd(readEnd)
    writeSync(writeEnd, 'kept')
    expectInOrder(ring, '1:4')
    assert.equal(string(into), 'kept')
  })
})

conformance('an eventfd is read when it is signalled, eight bytes of it', (stand) => {
  inEachMode(stand, 4, (ring) => {
    const fd = stand.eventfd()
    const into = stand.alloc(16)
    put(ring, 1, read(fd, into))
    submit(ring, 1)
    expectNothing(ring, 'the eventfd is not signalled')
    ok(writeSync(fd, new BigUint64Array([5n])), 'signal')
    expectInOrder(ring, '1:8')
    assert.equal(new DataView(into.buffer).getBigUint64(0, true), 5n)
    expectRun(ring, write(fd, stand.alloc(new Uint8Array([7, 0, 0, 0, 0, 0, 0, 0]))), 8, 'write')
    expectRun(ring, read(fd, into), 8, 'read of a signalled one')
    assert.equal(into[0], 7)
  })
})

conformance('reads of a pipe complete once each while signals interrupt the thread that waits', async (stand) => {
  const onSignal = () => {}
  process.on('SIGUSR2', onSignal)
  stand.defer(() => process.off('SIGUSR2', onSignal))
  let isOver = false
  const signalling = inThread({ backend: stand.backend, what: 'signal', fd: gettid() }).finally(() => {
    isOver = true
  })
  const { readEnd, writeEnd } = stand.pipe()
  const rings = [stand.openRing(4), stand.openRing(4, { flags: DEFER })]
  for (let round = 0; !isOver || round < 20; round++) {
    const ring = rings[round % 2]!
    const into = stand.alloc(1)
    put(ring, 1, read(readEnd, into))
    put(ring, 2, write(writeEnd, stand.alloc(`${round % 10}`)))
    submit(ring, 2)
    while (ring.cq.ready() < 2) {
      const res = ring.submitAndWait(2)
      assert.ok(res >= 0 || res === -EINTR, `the wait returned ${res}`)
    }
    expectAnyOrder(ring, '1:1 2:1')
    assert.equal(string(into), `${round % 10}`)
    if (round % 50 === 0) await turn()
  }
  assert.equal(await signalling, 1000)
})
