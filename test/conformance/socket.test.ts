/**
 * Making, naming, connecting and closing sockets. Bodies for every backend that has them.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import * as abi from '../../src/abi/constants.js'
import * as net from '../../src/abi/socket.js'
import {
  EADDRINUSE,
  EAFNOSUPPORT,
  EBADF,
  ECONNREFUSED,
  EINVAL,
  ENFILE,
  ENOENT,
  ENOTSOCK,
  EOPNOTSUPP,
} from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import { registerFilesSparse } from '../../src/ring/register.js'
import { readSockaddr, sockaddrOf, sockaddrOfPath } from '../../src/ring/sockaddr.js'
import { addressOf } from '../../src/sys/memory.js'
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
  run,
  submit,
  text,
} from './cqes.js'
import { type Fill, read, sqe, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import { bindTo, connectTo, listener, portOf, socket, socketPair, tcpPair } from './sockets.js'

const NEEDS = {
  opcodes: [
    abi.IORING_OP_SOCKET,
    abi.IORING_OP_BIND,
    abi.IORING_OP_LISTEN,
    abi.IORING_OP_ACCEPT,
    abi.IORING_OP_CONNECT,
    abi.IORING_OP_SHUTDOWN,
  ],
}
const DIRECT = { ...NEEDS, registers: [abi.IORING_REGISTER_FILES2] }
const COMMANDS = { opcodes: [...NEEDS.opcodes, abi.IORING_OP_URING_CMD] }
const MORE = abi.IORING_CQE_F_MORE
const ALLOC = abi.IORING_FILE_INDEX_ALLOC
const FIXED = abi.IOSQE_FIXED_FILE

const accept = (fd: number, flags = 0) => sqe(prep.prepAccept, fd, 0, 0, flags)
const string = (bytes: Uint8Array) => Buffer.from(bytes).toString()

conformance(
  'a connection is made, used and shut down',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { fd, connect } = listener(stand, ring)
      const client = socket(stand, ring)
      put(ring, 1, accept(fd))
      submit(ring, 1)
      expectNothing(ring, 'nobody connects')
      put(ring, 2, connect(client))
      submit(ring, 1)
      const cqes = reap(ring, 2)
      const server = stand.own(ok(cqes.find(({ userData }) => userData === 1)!.res, 'accept'))
      assert.equal(cqes.find(({ userData }) => userData === 2)!.res, 0)
      const into = stand.alloc(16)
      expectRun(ring, write(client, stand.alloc('hello')), 5, 'write')
      expectRun(ring, read(server, into), 5, 'read')
      assert.equal(string(into.subarray(0, 5)), 'hello')
      expectRun(ring, sqe(prep.prepShutdown, client, net.SHUT_WR), 0, 'shutdown')
      expectRun(ring, read(server, into), 0, 'read at the end')
      expectRun(ring, write(server, stand.alloc('bye')), 3, 'the other way')
      expectRun(ring, read(client, into), 3, 'read of it')
    })
  },
  NEEDS,
)

conformance(
  'accept tells who connected',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { fd, connect } = listener(stand, ring)
      const client = socket(stand, ring)
      const name = stand.alloc(28)
      const length = new Int32Array(stand.alloc(4).buffer)
      length[0] = name.byteLength
      put(ring, 1, sqe(prep.prepAccept, fd, addressOf(name), addressOf(length), net.SOCK_CLOEXEC))
      put(ring, 2, connect(client))
      submit(ring, 2)
      for (const { userData, res } of reap(ring, 2)) if (userData === 1) stand.own(ok(res, 'accept'))
      const peer = readSockaddr(name.subarray(0, length[0]))
      assert.deepEqual(peer, { family: net.AF_INET, address: '127.0.0.1', port: portOf(stand, client) })
    })
  },
  NEEDS,
)

conformance(
  'IPv6 and paths name sockets too',
  (stand) => {
    const ring = stand.openRing(8)
    const path = stand.path('socket')
    for (const [domain, address] of [
      [net.AF_INET6, sockaddrOf('::1', 0)],
      [net.AF_UNIX, sockaddrOfPath(path)],
      [net.AF_UNIX, sockaddrOfPath(`\0uring-test-${process.pid}`)],
    ] as const) {
      const made = run(ring, sqe(prep.prepSocket, domain, net.SOCK_STREAM, 0))
      // A machine may be without IPv6.
      if (made === -EAFNOSUPPORT) continue
      const fd = stand.own(ok(made, 'socket'))
      const bound = run(ring, bindTo(stand, fd, address))
      if (domain === net.AF_INET6 && bound < 0) continue
      equalRes(bound, 0, 'bind')
      expectRun(ring, sqe(prep.prepListen, fd, 4), 0, 'listen')
      const target = domain === net.AF_INET6 ? sockaddrOf('::1', portOf(stand, fd)) : address
      const client = socket(stand, ring, net.SOCK_STREAM, domain)
      expectRun(ring, connectTo(stand, target)(client), 0, 'connect')
      stand.own(ok(run(ring, accept(fd)), 'accept'))
    }
    assert.ok(existsSync(path))
  },
  NEEDS,
)

conformance(
  'a multishot accept takes connection after connection',
  (stand) => {
    inEachMode(stand, 16, (ring) => {
      const { fd, connect } = listener(stand, ring)
      put(ring, 1, sqe(prep.prepMultishotAccept, fd, 0, 0, 0))
      submit(ring, 1)
      for (let i = 0; i < 5; i++) {
        put(ring, 2, connect(socketIn(16)))
        submit(ring, 1)
        for (const { userData, res, flags } of reap(ring, 2)) {
          if (userData === 2) assert.equal(res, 0)
          else {
            assert.equal(flags & MORE, MORE)
            stand.own(ok(res, 'accept'))
          }
        }
      }
      put(ring, 3, sqe(prep.prepCancel, 1))
      submit(ring, 1)
      expectAnyOrder(ring, '1:-ECANCELED 3:0')

      /** A socket, made before its completions would be mixed up with others. */
      function socketIn(userData: number): number {
        put(ring, userData, sqe(prep.prepSocket, net.AF_INET, net.SOCK_STREAM, 0))
        submit(ring, 1)
        return stand.own(ok(reap(ring, 1)[0]!.res, 'socket'))
      }
    })
  },
  NEEDS,
)

conformance(
  'a multishot accept takes all that wait',
  (stand) => {
    inEachMode(stand, 32, (ring) => {
      const { fd, connect } = listener(stand, ring)
      for (let i = 0; i < 8; i++) expectRun(ring, connect(socket(stand, ring)), 0, 'connect')
      put(ring, 1, sqe(prep.prepMultishotAccept, fd, 0, 0, 0))
      submit(ring, 1)
      for (const { res, flags } of reap(ring, 8)) {
        stand.own(ok(res, 'accept'))
        assert.equal(flags & MORE, MORE)
      }
      expectNothing(ring, 'nobody else connects')
    })
  },
  NEEDS,
)

conformance(
  'accept and connect report what the calls do',
  (stand) => {
    const ring = stand.openRing(8)
    const { fd, port } = listener(stand, ring)
    const deaf = socket(stand, ring)
    expectRun(ring, accept(deaf), -EINVAL, 'nobody listens')
    expectRun(ring, accept(stand.pipe().readEnd), -ENOTSOCK, 'no socket')
    expectRun(ring, accept(stand.closedFd()), -EBADF, 'a closed fd')
    expectRun(ring, bindTo(stand, deaf, sockaddrOf('127.0.0.1', port)), -EADDRINUSE, 'the port is taken')
    const there = stand.path('nobody')
    const unix = socket(stand, ring, net.SOCK_STREAM, net.AF_UNIX)
    expectRun(ring, connectTo(stand, sockaddrOfPath(there))(unix), -ENOENT, 'a path of nobody')
    expectRun(ring, sqe(prep.prepSocket, 9999, net.SOCK_STREAM, 0), -EAFNOSUPPORT, 'an unknown family')
    expectRun(ring, sqe(prep.prepSocket, net.AF_INET, net.SOCK_STREAM, 0, 1), -EINVAL, 'an unknown flag')
    const closed = socket(stand, ring)
    expectRun(ring, bindTo(stand, closed, sockaddrOf('127.0.0.1', 0)), 0, 'bind')
    const refused = connectTo(stand, sockaddrOf('127.0.0.1', portOf(stand, closed)))
    expectRun(ring, refused(socket(stand, ring)), -ECONNREFUSED, 'a port that nobody listens on')
    const dontwait: Fill = (words, at) => {
      accept(fd)(words, at)
      prep.setIoprio(words, at, abi.IORING_ACCEPT_DONTWAIT)
    }
    expectRun(ring, dontwait, -11, 'DONTWAIT with nobody there (EAGAIN)')
  },
  NEEDS,
)

conformance(
  'a waiting accept ends when its socket is shut down, or it is cancelled',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [shut, cancelled] = [listener(stand, ring), listener(stand, ring)]
      put(ring, 1, accept(shut.fd))
      put(ring, 2, accept(cancelled.fd))
      submit(ring, 2)
      put(ring, 3, sqe(prep.prepShutdown, shut.fd, net.SHUT_RDWR))
      put(ring, 4, sqe(prep.prepCancelFd, cancelled.fd))
      submit(ring, 2)
      expectAnyOrder(ring, '1:-EINVAL 2:-ECANCELED 3:0 4:0')
    })
  },
  NEEDS,
)

conformance(
  'a socket is made, connected and closed as a direct descriptor, in a chain',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { fd, connect } = listener(stand, ring)
      equalRes(registerFilesSparse(ring, 4), 0, 'sparse')
      const LINK = abi.IOSQE_IO_LINK
      put(ring, 1, sqe(prep.prepSocketDirect, net.AF_INET, net.SOCK_STREAM, 0, 2), LINK)
      put(ring, 2, connect(2), LINK | FIXED)
      put(ring, 3, sqe(prep.prepAcceptDirect, fd, 0, 0, 0, 3), LINK)
      put(ring, 4, write(2, stand.alloc('direct')), LINK | FIXED)
      put(ring, 5, read(3, stand.alloc(6)), FIXED)
      submit(ring, 5)
      expectInOrder(ring, '1:0 2:0 3:0 4:6 5:6')
      expectRun(ring, sqe(prep.prepSocketDirect, net.AF_INET, net.SOCK_STREAM, 0, ALLOC), 0, 'a free slot')
      const cloexec = net.SOCK_STREAM | net.SOCK_CLOEXEC
      expectRun(ring, sqe(prep.prepSocketDirect, net.AF_INET, cloexec, 0, 1), -EINVAL, 'SOCK_CLOEXEC')
      for (const slot of [2, 3]) expectRun(ring, sqe(prep.prepCloseDirect, slot), 0, 'close')
    })
  },
  DIRECT,
)

conformance(
  'a multishot accept puts connections into free slots, while there are any',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { fd, connect } = listener(stand, ring)
      equalRes(registerFilesSparse(ring, 2), 0, 'sparse')
      for (let i = 0; i < 3; i++) expectRun(ring, connect(socket(stand, ring)), 0, 'connect')
      put(ring, 1, sqe(prep.prepMultishotAcceptDirect, fd, 0, 0, 0))
      submit(ring, 1)
      // Whether there are more to accept is in the flags too.
      const found = reap(ring, 3).map((cqe) => text({ ...cqe, flags: cqe.flags & MORE }))
      assert.deepEqual(found, ['1:0/0x2', '1:1/0x2', `1:${named(-ENFILE)}`])
    })
  },
  DIRECT,
)

conformance(
  'a socket is asked how much it holds, and about its options',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [client, server] = tcpPair(stand, ring)
      const ask = (cmd: number, fd: number) => sqe(prep.prepCmdSock, cmd, fd, 0, 0, 0, 0)
      expectRun(ring, ask(abi.SOCKET_URING_OP_SIOCINQ, server), 0, 'nothing to be read')
      expectRun(ring, write(client, stand.alloc('hello')), 5, 'write')
      put(ring, 1, sqe(prep.prepPollAdd, server, abi.POLLIN))
      submit(ring, 1)
      reap(ring, 1)
      expectRun(ring, ask(abi.SOCKET_URING_OP_SIOCINQ, server), 5, 'five bytes to be read')
      assert.ok(run(ring, ask(abi.SOCKET_URING_OP_SIOCOUTQ, client)) >= 0)
      const value = new Int32Array(stand.alloc(4).buffer)
      const option = (cmd: number, level: number, name: number, length = 4) =>
        sqe(prep.prepCmdSock, cmd, server, level, name, addressOf(value), length)
      const GET = abi.SOCKET_URING_OP_GETSOCKOPT
      const SET = abi.SOCKET_URING_OP_SETSOCKOPT
      expectRun(ring, option(GET, net.SOL_SOCKET, net.SO_TYPE), 4, 'getsockopt')
      assert.equal(value[0], net.SOCK_STREAM)
      value[0] = 1
      expectRun(ring, option(SET, net.SOL_SOCKET, net.SO_KEEPALIVE), 0, 'setsockopt')
      value[0] = 0
      expectRun(ring, option(GET, net.SOL_SOCKET, net.SO_KEEPALIVE), 4, 'getsockopt of it')
      assert.equal(value[0], 1)
      expectRun(ring, option(SET, net.IPPROTO_TCP, net.TCP_NODELAY), 0, 'setsockopt of TCP')
      expectRun(ring, option(GET, net.IPPROTO_TCP, net.TCP_NODELAY), -EOPNOTSUPP, 'getsockopt of TCP')
      expectRun(ring, ask(4711, server), -EOPNOTSUPP, 'an unknown command')
    })
  },
  COMMANDS,
)

conformance(
  'the name of a socket is asked by a command, where there is one',
  (stand) => {
    const ring = stand.openRing(8)
    const { fd, port } = listener(stand, ring)
    const name = stand.alloc(28)
    const length = new Int32Array(stand.alloc(4).buffer)
    length[0] = name.byteLength
    const res = run(ring, sqe(prep.prepCmdGetsockname, fd, addressOf(name), addressOf(length), 0))
    // Linux 6.19 and later have it.
    if (res === -EOPNOTSUPP) return
    equalRes(res, 0, 'getsockname')
    const found = readSockaddr(name.subarray(0, length[0]))
    assert.deepEqual(found, { family: net.AF_INET, address: '127.0.0.1', port })
  },
  COMMANDS,
)

conformance(
  'reads and writes of sockets take no offset, and wait',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [a, b] = socketPair(stand)
      const into = stand.alloc(4)
      for (const off of [-1, 0]) {
        put(ring, 1, read(a, into, off))
        submit(ring, 1)
        expectNothing(ring, 'nothing was sent')
        expectOne(write(b, stand.alloc('data'), off))
        assert.equal(string(into), 'data')
      }
      function expectOne(fill: Fill): void {
        put(ring, 2, fill)
        submit(ring, 1)
        expectAnyOrder(ring, '1:4 2:4')
      }
      assert.deepEqual(drain(ring), [])
    })
  },
  NEEDS,
)
