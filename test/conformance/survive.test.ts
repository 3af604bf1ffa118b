/**
 * What has gone wrong elsewhere: loops of epolls, ends of processes, rings never enabled, files opened for their path
 * alone. Bodies for every backend that has them.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import * as abi from '../../src/abi/constants.js'
import { O_PATH } from '../../src/abi/posix.js'
import { EPOLL_CTL_ADD, EPOLL_EVENT, EPOLLIN } from '../../src/abi/process.js'
import { SOCK_NONBLOCK, SOCK_STREAM } from '../../src/abi/socket.js'
import { EAGAIN, EBADF, ELOOP } from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import { equalRes, expectInOrder, expectNothing, expectRun, HANG_MS, ok, put, reap, run, submit, text } from './cqes.js'
import { close, nop, openat, read, readv, sqe, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import { listener, socket, socketPair } from './sockets.js'

const EPOLL_CREATE1 = process.arch === 'arm64' ? 20 : 291
const SOCKETS = [abi.IORING_OP_SOCKET, abi.IORING_OP_BIND, abi.IORING_OP_LISTEN, abi.IORING_OP_CONNECT]

conformance('a file that is open for its path alone is closed, and not read', (stand) => {
  const ring = stand.openRing(4)
  const path = stand.cstr(stand.path('file', 'contents'))
  for (const way of [0, abi.IOSQE_ASYNC]) {
    const fd = stand.own(ok(run(ring, openat(abi.AT_FDCWD, path, O_PATH), way), 'openat'))
    expectRun(ring, read(fd, stand.alloc(8), 0), -EBADF, 'read', way)
    expectRun(ring, close(fd), 0, 'close', way)
    stand.disown(fd)
    expectRun(ring, close(stand.closedFd()), -EBADF, 'close of none', way)
  }
})

conformance(
  'epolls that would wait for each other are refused',
  (stand) => {
    const ring = stand.openRing(4)
    const create = () => stand.own(ok(libc('syscall')(EPOLL_CREATE1, 0, 0, 0, 0, 0, 0), 'epoll_create1'))
    const [first, second] = [create(), create()]
    const bytes = stand.alloc(EPOLL_EVENT.size)
    new DataView(bytes.buffer).setUint32(EPOLL_EVENT.at.events, EPOLLIN, true)
    const add = (fd: number, to: number) => sqe(prep.prepEpollCtl, to, fd, EPOLL_CTL_ADD, addressOf(bytes))
    expectRun(ring, add(first, second), 0, 'one to the other')
    expectRun(ring, add(second, first), -ELOOP, 'and back')
    expectRun(ring, add(ring.fd, first), 0, 'a ring to an epoll')
    put(ring, 1, sqe(prep.prepPollAdd, second, abi.POLLIN))
    submit(ring, 1)
    put(ring, 2, nop())
    submit(ring, 1)
    // The completion of the NOP makes the ring readable, and with it one epoll after the other.
    assert.deepEqual(reap(ring, 2).map(text).sort(), ['1:1', '2:0'])
  },
  { opcodes: [abi.IORING_OP_EPOLL_CTL, abi.IORING_OP_POLL_ADD] },
)

conformance(
  'a wait that is not to count as one for I/O is a wait all the same',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, 1, read(readEnd, stand.alloc(1)))
      put(ring, 2, write(writeEnd, stand.alloc('x')))
      ring.sq.flush()
      const flags = abi.IORING_ENTER_GETEVENTS | abi.IORING_ENTER_NO_IOWAIT
      equalRes(stand.syscalls.enter(ring.fd, 2, 2, flags), 2, 'enter')
      assert.equal(ring.cq.ready(), 2)
    })
  },
  { features: abi.IORING_FEAT_NO_IOWAIT },
)

conformance(
  'a ring with an SQ thread is closed without ever being enabled',
  (stand) => {
    for (let i = 0; i < 20; i++) {
      const flags = abi.IORING_SETUP_SQPOLL | abi.IORING_SETUP_R_DISABLED
      const ring = stand.openRing(8, { flags, sqThreadIdleMs: 1 })
      put(ring, 1, nop())
      ring.sq.flush()
      ring.queueExit()
    }
  },
  { setup: abi.IORING_SETUP_SQPOLL },
)

conformance(
  'the file information of a ring tells of its queues and its SQ thread',
  (stand) => {
    const ring = stand.openRing(8, { flags: abi.IORING_SETUP_SQPOLL, sqThreadIdleMs: 60_000 })
    put(ring, 1, nop())
    submit(ring, 1)
    expectInOrder(ring, '1:0')
    const told = readFileSync(`/proc/self/fdinfo/${ring.fd}`, 'utf8')
    const field = (name: string) => Number(new RegExp(`^${name}:\\s*(-?\\w+)$`, 'm').exec(told)?.[1])
    assert.deepEqual([field('SqMask'), field('CqMask'), field('SqTail'), field('CqHead')], [7, 15, 1, 1], told)
    assert.ok(field('SqThread') > 0, told)
  },
  { setup: abi.IORING_SETUP_SQPOLL },
)

conformance(
  'an accept tells whether another connection waits',
  (stand) => {
    const ring = stand.openRing(8)
    const { fd, connect } = listener(stand, ring)
    for (let i = 0; i < 2; i++) expectRun(ring, connect(socket(stand, ring)), 0, 'connect')
    const flags = [0, 1].map(() => {
      put(ring, 1, sqe(prep.prepAccept, fd, 0, 0, 0))
      submit(ring, 1)
      const [cqe] = reap(ring, 1)
      stand.own(ok(cqe!.res, 'accept'))
      return cqe!.flags
    })
    assert.deepEqual(flags, [abi.IORING_CQE_F_SOCK_NONEMPTY, 0])
  },
  { opcodes: [...SOCKETS, abi.IORING_OP_ACCEPT] },
)

conformance('a read of a socket that is not to block waits all the same, unless it is told by RWF_NOWAIT', (stand) => {
  const ring = stand.openRing(4)
  const [reader, writer] = socketPair(stand, SOCK_STREAM | SOCK_NONBLOCK)
  const into = stand.alloc(8)
  expectRun(ring, readv(reader, stand.iovecs([into]), 1, -1, abi.RWF_NOWAIT), -EAGAIN, 'readv with RWF_NOWAIT')
  put(ring, 1, read(reader, into))
  submit(ring, 1)
  expectNothing(ring, 'there is no data')
  stand.write(writer, 'hello')
  expectInOrder(ring, '1:5')
})

/** What a process has in flight when it ends, as code that fills an SQE. */
const LEFT_BEHIND = [
  ['a read of a pipe', 'prepRead(words, at, 0, addressOf(buffer), 8, -1)', []],
  ['a poll', 'prepPollAdd(words, at, 0, POLLIN)', [abi.IORING_OP_POLL_ADD]],
  ['a timeout', 'prepTimeout(words, at, addressOf(time), 0)', [abi.IORING_OP_TIMEOUT]],
  [
    'a wait on a futex',
    'prepFutexWait(words, at, addressOf(buffer), 0, FUTEX_BITSET_MATCH_ANY, 2)',
    [abi.IORING_OP_FUTEX_WAIT],
  ],
] as const

for (const [what, fill, opcodes] of LEFT_BEHIND) {
  conformance(
    `a process ends with ${what} in flight`,
    (stand) => {
      const bare = new URL('../../src/driver/bare.js', import.meta.url)
      const code = `
        import * as uring from '${bare}'
        const { addressOf, FUTEX_BITSET_MATCH_ANY, POLLIN, prepFutexWait, prepPollAdd, prepRead, prepTimeout } = uring
        const ring = uring.queueInit(await uring.loadSyscalls('${stand.backend}'), 8)
        const buffer = new Int32Array(16)
        const time = new BigInt64Array([3600n, 0n])
        const { words } = ring.sq
        for (const flags of [0, uring.IOSQE_ASYNC]) {
          const at = ring.sq.getSqe()
          ${fill}
          uring.setFlags(words, at, flags)
        }
        console.log(ring.submit(), ring.cq.ready())
        process.exit(7)`
      const { readEnd } = stand.pipe()
      const args = ['--input-type=module', '-e', code]
      const stdio = [readEnd, 'pipe', 'pipe'] as const
      const child = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: HANG_MS, stdio: [...stdio] })
      assert.deepEqual([child.status, child.signal, child.stdout], [7, null, '2 0\n'], child.stderr)
    },
    { opcodes },
  )
}
