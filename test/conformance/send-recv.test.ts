/**
 * SEND, RECV, their messages, bundles, multishots and the zero-copy sends. Bodies for every backend that has them.
 */
import assert from 'node:assert/strict'
import * as abi from '../../src/abi/constants.js'
import * as net from '../../src/abi/socket.js'
import { EAGAIN, EBADF, EFAULT, EINVAL, ENOBUFS, ENOTSOCK, EPIPE } from '../../src/lib/errno.js'
import { BufRing, bufferOf, setupBufRing } from '../../src/ring/buf-ring.js'
import type { Cqe } from '../../src/ring/cq.js'
import * as prep from '../../src/ring/prep.js'
import { iovecsOf, registerBuffers } from '../../src/ring/register.js'
import type { Ring } from '../../src/ring/ring.js'
import { readSockaddr, recvmsgOut, sockaddrOf } from '../../src/ring/sockaddr.js'
import { addressOf } from '../../src/sys/memory.js'
import {
  equalRes,
  expectAnyOrder,
  expectInOrder,
  expectNothing,
  expectRun,
  named,
  put,
  reap,
  run,
  submit,
} from './cqes.js'
import { type Fill, nop, sqe, withFields } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import { bindTo, msghdr, portOf, socket, socketPair, tcpPair } from './sockets.js'
import type { Stand } from './stand.js'

const NEEDS = { opcodes: [abi.IORING_OP_SEND, abi.IORING_OP_RECV] }
const MESSAGES = { opcodes: [abi.IORING_OP_SENDMSG, abi.IORING_OP_RECVMSG] }
const INET = { opcodes: [...NEEDS.opcodes, ...MESSAGES.opcodes, abi.IORING_OP_SOCKET, abi.IORING_OP_BIND] }
const GROUPS = { ...INET, registers: [abi.IORING_REGISTER_PBUF_RING] }
const BUNDLES = { ...GROUPS, features: abi.IORING_FEAT_RECVSEND_BUNDLE }
const ZEROCOPY = { opcodes: [abi.IORING_OP_SEND_ZC, abi.IORING_OP_SENDMSG_ZC, abi.IORING_OP_SOCKET] }
const { IORING_CQE_F_MORE: MORE, IORING_CQE_F_NOTIF: NOTIF, IOSQE_BUFFER_SELECT: SELECT } = abi
const LINK = abi.IOSQE_IO_LINK
const BGID = 3

const send = (fd: number, from: Uint8Array, flags = 0) =>
  sqe(prep.prepSend, fd, addressOf(from), from.byteLength, flags)
const recv = (fd: number, into: Uint8Array, flags = 0) =>
  sqe(prep.prepRecv, fd, addressOf(into), into.byteLength, flags)
const string = (bytes: Uint8Array) => Buffer.from(bytes).toString()

/** Whether a socket has more to be read is in the flags; not every body cares. */
const resOf = ({ userData, res }: Cqe) => `${userData}:${named(res)}`

const withIoprio =
  (fill: Fill, ioprio: number): Fill =>
  (words, at) => {
    fill(words, at)
    prep.setIoprio(words, at, ioprio)
  }

const fromGroup =
  (fill: Fill): Fill =>
  (words, at) => {
    fill(words, at)
    prep.setBufGroup(words, at, BGID)
    prep.setFlags(words, at, SELECT)
  }

/** A group of buffers: n is the n-th part of one memory. */
function group(stand: Stand, ring: Ring, nrBuffers: number, bytes: number, flags = 0) {
  const memory = stand.alloc(nrBuffers * bytes)
  const made = setupBufRing(ring, nrBuffers, BGID, flags)
  assert.ok(made instanceof BufRing, 'a buffer ring')
  const part = (bid: number) => memory.subarray(bid * bytes, (bid + 1) * bytes)
  for (let bid = 0; bid < nrBuffers; bid++) made.give(addressOf(part(bid)), bytes, bid)
  return { ring: made, part, memory }
}

conformance(
  'what is sent is received',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      for (const way of [0, abi.IOSQE_ASYNC]) {
        const [a, b] = socketPair(stand)
        const into = stand.alloc(16)
        put(ring, 1, recv(a, into), way)
        submit(ring, 1)
        expectNothing(ring, 'nothing was sent')
        put(ring, 2, send(b, stand.alloc('hello')), way)
        submit(ring, 1)
        assert.deepEqual(reap(ring, 2).map(resOf).sort(), ['1:5', '2:5'])
        assert.equal(string(into.subarray(0, 5)), 'hello')
      }
    })
  },
  NEEDS,
)

conformance(
  'sockets report what the calls do',
  (stand) => {
    const ring = stand.openRing(8)
    const [a, b] = socketPair(stand)
    const buffer = stand.alloc(4)
    expectRun(ring, recv(a, buffer, net.MSG_DONTWAIT), -EAGAIN, 'DONTWAIT with nothing there')
    expectRun(ring, recv(stand.pipe().readEnd, buffer), -ENOTSOCK, 'a pipe')
    expectRun(ring, recv(stand.closedFd(), buffer), -EBADF, 'a closed fd')
    expectRun(ring, sqe(prep.prepSend, b, 4096, 4, 0), -EFAULT, 'a bad address')
    expectRun(ring, send(b, buffer), 4, 'send')
    const peeked = run(ring, recv(a, buffer.subarray(0, 2), net.MSG_PEEK))
    equalRes(peeked, 2, 'a peek')
    expectRun(ring, recv(a, buffer), 4, 'what was peeked at is still there')
    stand.closeFd(a)
    expectRun(ring, send(b, buffer, net.MSG_NOSIGNAL), -EPIPE, 'the other end is gone')
    expectRun(ring, recv(b, buffer), 0, 'recv at the end')
  },
  NEEDS,
)

conformance(
  'WAITALL waits for all of it, and a short one breaks its link',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [a, b] = socketPair(stand)
      const into = stand.alloc(8)
      put(ring, 1, recv(a, into, net.MSG_WAITALL), LINK)
      put(ring, 2, nop())
      put(ring, 3, send(b, stand.alloc('half')))
      submit(ring, 3)
      assert.deepEqual(reap(ring, 1).map(resOf), ['3:4'])
      expectNothing(ring, 'the other half is missing')
      put(ring, 4, send(b, stand.alloc('full')))
      submit(ring, 1)
      assert.deepEqual(reap(ring, 3).map(resOf).sort(), ['1:8', '2:0', '4:4'])
      assert.equal(string(into), 'halffull')
      put(ring, 1, recv(a, into, net.MSG_WAITALL), LINK)
      put(ring, 2, nop())
      put(ring, 3, send(b, stand.alloc('end')), LINK)
      put(ring, 4, sqe(prep.prepShutdown, b, net.SHUT_WR))
      submit(ring, 4)
      assert.deepEqual(reap(ring, 4).map(resOf).sort(), ['1:3', '2:-ECANCELED', '3:3', '4:0'])
    })
  },
  { opcodes: [...NEEDS.opcodes, abi.IORING_OP_SHUTDOWN] },
)

conformance(
  'with POLL_FIRST what is there is received, and what comes later',
  (stand) => {
    const ring = stand.openRing(8)
    const [a, b] = socketPair(stand)
    const first = withIoprio(recv(a, stand.alloc(4)), abi.IORING_RECVSEND_POLL_FIRST)
    expectRun(ring, send(b, stand.alloc('now!')), 4, 'send')
    expectRun(ring, first, 4, 'what is there')
    put(ring, 1, first)
    submit(ring, 1)
    expectNothing(ring, 'nothing was sent')
    put(ring, 2, withIoprio(send(b, stand.alloc('then')), abi.IORING_RECVSEND_POLL_FIRST))
    submit(ring, 1)
    assert.deepEqual(reap(ring, 2).map(resOf).sort(), ['1:4', '2:4'])
  },
  NEEDS,
)

conformance(
  'a receive says that there is more',
  (stand) => {
    const ring = stand.openRing(8)
    const [a, b] = tcpPair(stand, ring)
    expectRun(ring, send(b, stand.alloc('abcdef')), 6, 'send')
    put(ring, 1, recv(a, stand.alloc(2)))
    submit(ring, 1)
    expectInOrder(ring, `1:2/0x${abi.IORING_CQE_F_SOCK_NONEMPTY.toString(16)}`)
    put(ring, 1, recv(a, stand.alloc(4)))
    submit(ring, 1)
    expectInOrder(ring, '1:4')
  },
  INET,
)

conformance(
  'messages scatter and gather',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [a, b] = socketPair(stand)
      const parts = [stand.alloc(3), stand.alloc(8)]
      const into = msghdr(stand, parts)
      put(ring, 1, sqe(prep.prepRecvmsg, a, into.address, 0))
      submit(ring, 1)
      expectNothing(ring, 'nothing was sent')
      const from = msghdr(stand, [stand.alloc('one'), stand.alloc('two')])
      put(ring, 2, sqe(prep.prepSendmsg, b, from.address, 0))
      submit(ring, 1)
      assert.deepEqual(reap(ring, 2).map(resOf).sort(), ['1:6', '2:6'])
      assert.equal(string(parts[0]!) + string(parts[1]!.subarray(0, 3)), 'onetwo')
    })
  },
  MESSAGES,
)

conformance(
  'a message carries a file',
  (stand) => {
    const ring = stand.openRing(8)
    const [a, b] = socketPair(stand)
    const { readEnd, writeEnd } = stand.pipe()
    const control = stand.alloc(24)
    const header = new DataView(control.buffer)
    header.setBigUint64(net.CMSGHDR.at.cmsg_len, 20n, true)
    header.setInt32(net.CMSGHDR.at.cmsg_level, net.SOL_SOCKET, true)
    header.setInt32(net.CMSGHDR.at.cmsg_type, net.SCM_RIGHTS, true)
    header.setInt32(net.CMSGHDR.size, writeEnd, true)
    expectRun(ring, sqe(prep.prepSendmsg, a, msghdr(stand, [stand.alloc('x')], { control }).address, 0), 1, 'sendmsg')
    const received = stand.alloc(24)
    const into = msghdr(stand, [stand.alloc(1)], { control: received })
    expectRun(ring, sqe(prep.prepRecvmsg, b, into.address, net.MSG_CMSG_CLOEXEC), 1, 'recvmsg')
    equalRes(Number(into.view.getBigUint64(net.MSGHDR.at.msg_controllen, true)), 24, 'control data')
    const fd = stand.own(new DataView(received.buffer).getInt32(net.CMSGHDR.size, true))
    assert.notEqual(fd, writeEnd)
    stand.write(fd, 'through')
    const data = stand.alloc(7)
    expectRun(ring, sqe(prep.prepRead, readEnd, addressOf(data), 7, -1), 7, 'read')
    assert.equal(string(data), 'through')
  },
  MESSAGES,
)

conformance(
  'a datagram that is too long is cut, and says so',
  (stand) => {
    const ring = stand.openRing(8)
    const [a, b] = socketPair(stand, net.SOCK_DGRAM)
    expectRun(ring, send(a, stand.alloc('a datagram')), 10, 'send')
    const into = msghdr(stand, [stand.alloc(4)])
    expectRun(ring, sqe(prep.prepRecvmsg, b, into.address, 0), 4, 'recvmsg')
    assert.equal(into.view.getInt32(net.MSGHDR.at.msg_flags, true) & net.MSG_TRUNC, net.MSG_TRUNC)
  },
  { opcodes: [...NEEDS.opcodes, ...MESSAGES.opcodes] },
)

conformance(
  'datagrams go where they are addressed, and say where they are from',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [from, to] = [socket(stand, ring, net.SOCK_DGRAM), socket(stand, ring, net.SOCK_DGRAM)]
      for (const fd of [from, to]) expectRun(ring, bindTo(stand, fd, sockaddrOf('127.0.0.1', 0)), 0, 'bind')
      const target = stand.alloc(sockaddrOf('127.0.0.1', portOf(stand, to)))
      const data = stand.alloc('datagram')
      const sendto = sqe(prep.prepSendto, from, addressOf(data), 8, 0, addressOf(target), target.byteLength)
      expectRun(ring, sendto, 8, 'sendto')
      const name = stand.alloc(28)
      const into = msghdr(stand, [stand.alloc(16)], { name })
      expectRun(ring, sqe(prep.prepRecvmsg, to, into.address, 0), 8, 'recvmsg')
      const length = into.view.getUint32(net.MSGHDR.at.msg_namelen, true)
      const sender = { family: net.AF_INET, address: '127.0.0.1', port: portOf(stand, from) }
      assert.deepEqual(readSockaddr(name.subarray(0, length)), sender)
    })
  },
  INET,
)

conformance(
  'a receive takes its buffer from a group',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { ring: buffers, part } = group(stand, ring, 1, 64)
      const [a, b] = socketPair(stand)
      const select = fromGroup(sqe(prep.prepRecv, a, 0, 0, 0))
      expectRun(ring, send(b, stand.alloc('chosen')), 6, 'send')
      put(ring, 1, select)
      submit(ring, 1)
      const [cqe] = reap(ring, 1)
      equalRes(cqe!.res, 6, 'recv')
      assert.equal(string(part(bufferOf(cqe!.flags)!).subarray(0, 6)), 'chosen')
      expectRun(ring, send(b, stand.alloc('x')), 1, 'send')
      expectRun(ring, select, -ENOBUFS, 'an empty group')
      buffers.free()
    })
  },
  GROUPS,
)

/** Completions of a multishot request, until one without MORE or until there are so many bytes. */
function shots(ring: Ring, nrBytes: number): Cqe[] {
  const cqes: Cqe[] = []
  for (let got = 0; got < nrBytes; ) {
    const [cqe] = reap(ring, 1)
    cqes.push(cqe!)
    if ((cqe!.flags & MORE) === 0) break
    got += cqe!.res
  }
  return cqes
}

conformance(
  'a multishot receive completes for each piece, and ends with the connection',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { ring: buffers, part } = group(stand, ring, 8, 64)
      const [a, b] = socketPair(stand)
      put(ring, 1, fromGroup(sqe(prep.prepRecvMultishot, a, 0, 0, 0)))
      submit(ring, 1)
      for (const piece of ['one', 'two', 'three']) {
        stand.write(b, piece)
        const [cqe] = shots(ring, piece.length)
        assert.equal(string(part(bufferOf(cqe!.flags)!).subarray(0, cqe!.res)), piece)
      }
      stand.closeFd(b)
      const [end] = reap(ring, 1)
      assert.equal(`${end!.res}/${end!.flags & MORE}`, '0/0')
      buffers.free()
    })
  },
  GROUPS,
)

conformance(
  'a multishot receive ends when there is no buffer left, and goes on when asked again',
  (stand) => {
    inEachMode(stand, 16, (ring) => {
      const { ring: buffers, part } = group(stand, ring, 4, 16)
      const [a, b] = socketPair(stand)
      const contents = 'abcdefghijklmnop'.repeat(6)
      stand.write(b, contents)
      let received = ''
      const ends: string[] = []
      for (const wanted of [64, 32]) {
        put(ring, 1, fromGroup(sqe(prep.prepRecvMultishot, a, 0, 0, 0)))
        submit(ring, 1)
        const cqes = shots(ring, wanted + (wanted === 64 ? 1 : 0))
        for (const { res, flags } of cqes) {
          const bid = bufferOf(flags)
          if (bid === undefined) ends.push(named(res))
          else {
            received += string(part(bid).subarray(0, res))
            buffers.give(addressOf(part(bid)), 16, bid)
          }
        }
      }
      assert.equal(received, contents)
      assert.deepEqual(ends, ['-ENOBUFS'])
      put(ring, 2, sqe(prep.prepCancel, 1))
      submit(ring, 1)
      expectAnyOrder(ring, '1:-ECANCELED 2:0')
      buffers.free()
    })
  },
  GROUPS,
)

conformance(
  'multishot receives that make no sense are refused',
  (stand) => {
    const ring = stand.openRing(8)
    const { ring: buffers } = group(stand, ring, 4, 16)
    const [a] = socketPair(stand)
    expectRun(ring, sqe(prep.prepRecvMultishot, a, 0, 0, 0), -EINVAL, 'no group')
    expectRun(ring, fromGroup(sqe(prep.prepRecvMultishot, a, 0, 0, net.MSG_WAITALL)), -EINVAL, 'WAITALL')
    buffers.free()
  },
  GROUPS,
)

conformance(
  'a multishot receive of messages has name, control data and payload in its buffer',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { ring: buffers, part } = group(stand, ring, 4, 128)
      const [from, to] = [socket(stand, ring, net.SOCK_DGRAM), socket(stand, ring, net.SOCK_DGRAM)]
      for (const fd of [from, to]) expectRun(ring, bindTo(stand, fd, sockaddrOf('127.0.0.1', 0)), 0, 'bind')
      const target = stand.alloc(sockaddrOf('127.0.0.1', portOf(stand, to)))
      const rooms = msghdr(stand, [])
      rooms.view.setUint32(net.MSGHDR.at.msg_namelen, 16, true)
      rooms.view.setBigUint64(net.MSGHDR.at.msg_controllen, 8n, true)
      put(ring, 1, fromGroup(sqe(prep.prepRecvmsgMultishot, to, rooms.address, 0)))
      submit(ring, 1)
      for (const text of ['first', 'x'.repeat(200)]) {
        const data = stand.alloc(text)
        put(ring, 2, sqe(prep.prepSendto, from, addressOf(data), text.length, 0, addressOf(target), target.byteLength))
        submit(ring, 1)
        const cqe = reap(ring, 2).find(({ userData }) => userData === 1)!
        assert.equal(cqe.flags & MORE, MORE)
        const out = recvmsgOut(part(bufferOf(cqe.flags)!).subarray(0, cqe.res), 16, 8)
        assert.ok(out !== undefined)
        assert.deepEqual(readSockaddr(out.name), {
          family: net.AF_INET,
          address: '127.0.0.1',
          port: portOf(stand, from),
        })
        assert.equal(string(out.payload), text.slice(0, 128 - 16 - 16 - 8))
        assert.equal(out.control.byteLength, 0)
        assert.equal((out.flags & net.MSG_TRUNC) !== 0, text.length > 88)
      }
      put(ring, 3, sqe(prep.prepCancel, 1))
      submit(ring, 1)
      expectAnyOrder(ring, '1:-ECANCELED 3:0')
      buffers.free()
    })
  },
  GROUPS,
)

conformance(
  'a bundle fills as many buffers as there is data for',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { ring: buffers, memory } = group(stand, ring, 8, 16)
      const [client, server] = tcpPair(stand, ring)
      const contents = 'abcdefghijklmnopqrstuvwxyz0123456789'
      stand.write(client, contents)
      put(ring, 1, sqe(prep.prepPollAdd, server, abi.POLLIN))
      submit(ring, 1)
      reap(ring, 1)
      const bundle = withIoprio(fromGroup(sqe(prep.prepRecv, server, 0, 0, 0)), abi.IORING_RECVSEND_BUNDLE)
      // The first may take less than there is; each begins where the one before it ended, in a buffer of its own.
      let got = 0
      let nrBundles = 0
      while (got < contents.length) {
        put(ring, 1, bundle)
        submit(ring, 1)
        const [cqe] = reap(ring, 1)
        assert.ok(cqe!.res > 0, named(cqe!.res))
        assert.equal(bufferOf(cqe!.flags), got / 16, 'the first buffer')
        got += cqe!.res
        nrBundles++
      }
      assert.ok(nrBundles < 3, 'fewer bundles than buffers')
      assert.equal(string(memory.subarray(0, contents.length)), contents)
      buffers.free()
    })
  },
  BUNDLES,
)

conformance(
  'a bundle of buffers is sent in their order',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { ring: buffers, memory } = group(stand, ring, 4, 8)
      memory.set(Buffer.from('bundle-1bundle-2bundle-3bundle-4'))
      const [a, b] = tcpPair(stand, ring)
      put(ring, 1, fromGroup(sqe(prep.prepSendBundle, a, 0, 0)))
      submit(ring, 1)
      const [cqe] = reap(ring, 1)
      equalRes(cqe!.res, 32, 'send')
      assert.equal(bufferOf(cqe!.flags), 0)
      const into = stand.alloc(32)
      expectRun(ring, recv(b, into, net.MSG_WAITALL), 32, 'recv')
      assert.equal(string(into), string(memory))
      expectRun(ring, fromGroup(sqe(prep.prepSendBundle, a, 0, 0)), -ENOBUFS, 'all are sent')
      buffers.free()
    })
  },
  BUNDLES,
)

/** The result of a zero-copy send, after its notification. */
function expectZeroCopy(ring: Ring, fill: Fill, expected: number): void {
  put(ring, 1, fill)
  submit(ring, 1)
  const cqes = reap(ring, 2)
  assert.deepEqual(
    cqes.map(({ flags }) => flags & (MORE | NOTIF)),
    [MORE, NOTIF],
  )
  assert.ok(cqes.every(({ userData }) => userData === 1))
  equalRes(cqes[0]!.res, expected, 'send')
  expectNothing(ring, 'there are two completions')
}

conformance(
  'a send without a copy has two completions, and then its data may change',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [a, b] = tcpPair(stand, ring)
      const data = stand.alloc('z'.repeat(4096))
      const into = stand.alloc(4096)
      // Over loopback the data is held until it was received.
      put(ring, 1, sqe(prep.prepSendZc, a, addressOf(data), 4096, 0, 0))
      put(ring, 2, recv(b, into, net.MSG_WAITALL))
      submit(ring, 2)
      const cqes = reap(ring, 3)
      const mine = cqes.filter(({ userData }) => userData === 1)
      assert.deepEqual(
        mine.map(({ flags }) => flags & (MORE | NOTIF)),
        [MORE, NOTIF],
      )
      equalRes(mine[0]!.res, 4096, 'send')
      data.fill(0)
      assert.ok(into.every((byte) => byte === 122))
    })
  },
  { opcodes: [...ZEROCOPY.opcodes, ...NEEDS.opcodes] },
)

conformance(
  'a send without a copy tells whether it copied after all',
  (stand) => {
    const ring = stand.openRing(8)
    const from = socket(stand, ring, net.SOCK_DGRAM)
    const to = socket(stand, ring, net.SOCK_DGRAM)
    expectRun(ring, bindTo(stand, to, sockaddrOf('127.0.0.1', 0)), 0, 'bind')
    const target = stand.alloc(sockaddrOf('127.0.0.1', portOf(stand, to)))
    const data = stand.alloc('datagram')
    put(ring, 1, (words, at) => {
      prep.prepSendZc(words, at, from, addressOf(data), 8, 0, abi.IORING_SEND_ZC_REPORT_USAGE)
      prep.prepSendSetAddr(words, at, addressOf(target), target.byteLength)
    })
    submit(ring, 1)
    const [sent, notified] = reap(ring, 2)
    equalRes(sent!.res, 8, 'send')
    assert.equal(notified!.res >>> 0, abi.IORING_NOTIF_USAGE_ZC_COPIED)
  },
  ZEROCOPY,
)

conformance(
  'a send without a copy takes registered buffers, and messages',
  (stand) => {
    const ring = stand.openRing(8)
    const from = socket(stand, ring, net.SOCK_DGRAM)
    const to = socket(stand, ring, net.SOCK_DGRAM)
    expectRun(ring, bindTo(stand, to, sockaddrOf('127.0.0.1', 0)), 0, 'bind')
    const target = stand.alloc(sockaddrOf('127.0.0.1', portOf(stand, to)))
    expectRun(ring, sqe(prep.prepConnect, from, addressOf(target), target.byteLength), 0, 'connect')
    const buffer = stand.alloc('0123456789')
    equalRes(registerBuffers(ring, iovecsOf([buffer])), 0, 'register')
    const into = stand.alloc(16)
    const expectReceived = (text: string) => {
      expectRun(ring, recv(to, into), text.length, 'recv')
      assert.equal(string(into.subarray(0, text.length)), text)
    }
    const at = addressOf(buffer)
    expectZeroCopy(ring, sqe(prep.prepSendZcFixed, from, at + 2, 4, 0, 0, 0), 4)
    expectReceived('2345')
    const plain = msghdr(stand, [stand.alloc('a '), stand.alloc('message')])
    expectZeroCopy(ring, sqe(prep.prepSendmsgZc, from, plain.address, 0), 9)
    expectReceived('a message')
    const fixed = msghdr(stand, [buffer.subarray(0, 2), buffer.subarray(8)])
    expectZeroCopy(ring, sqe(prep.prepSendmsgZcFixed, from, fixed.address, 0, 0), 4)
    expectReceived('0189')
    put(ring, 1, sqe(prep.prepSendZcFixed, from, at + 8, 4, 0, 0, 0))
    submit(ring, 1)
    const [outside] = reap(ring, 1)
    equalRes(outside!.res, -EFAULT, 'a range outside')
    // One that failed is notified of too, when it says so.
    if (outside!.flags & MORE) assert.equal(reap(ring, 1)[0]!.flags & NOTIF, NOTIF)
    expectRun(ring, withFields(sqe(prep.prepSendZc, from, at, 1, 0, 0), { ioprio: 0x8000 }), -EINVAL, 'unknown flags')
  },
  { opcodes: [...ZEROCOPY.opcodes, ...NEEDS.opcodes] },
)

conformance(
  'a send takes iovecs',
  (stand) => {
    const ring = stand.openRing(8)
    const [a, b] = socketPair(stand)
    const vecs = stand.iovecs([stand.alloc('one'), stand.alloc('two')])
    const res = run(ring, withIoprio(sqe(prep.prepSend, a, addressOf(vecs), 2, 0), abi.IORING_SEND_VECTORIZED))
    // Linux 6.17 and later have it.
    if (res === -EINVAL) return
    equalRes(res, 6, 'send')
    const into = stand.alloc(6)
    expectRun(ring, recv(b, into), 6, 'recv')
    assert.equal(string(into), 'onetwo')
  },
  NEEDS,
)

conformance(
  'a zero-copy receive without a queue is refused',
  (stand) => {
    const ring = stand.openRing(8, {
      flags: abi.IORING_SETUP_CQE32 | abi.IORING_SETUP_SINGLE_ISSUER | abi.IORING_SETUP_DEFER_TASKRUN,
    })
    const [a] = socketPair(stand)
    expectRun(ring, sqe(prep.prepRecvZc, a, 0, 0), -EINVAL, 'no queue')
  },
  { opcodes: [abi.IORING_OP_RECV_ZC] },
)
