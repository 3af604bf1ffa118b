/**
 * Sends that outlive something: their socket, their iovecs, their buffer; and receives that wait for all of them. Bodies
 * for every backend that has them.
 */
import assert from 'node:assert/strict'
import { readSync, writeSync } from 'node:fs'
import * as abi from '../../src/abi/constants.js'
import * as net from '../../src/abi/socket.js'
import { EAGAIN } from '../../src/lib/errno.js'
import type { Cqe } from '../../src/ring/cq.js'
import * as prep from '../../src/ring/prep.js'
import { registerBuffers, unregisterBuffers } from '../../src/ring/register.js'
import type { Ring } from '../../src/ring/ring.js'
import { addressOf, Mapping } from '../../src/sys/memory.js'
import { equalRes, expectNothing, named, ok, put, reap, run, submit, submitAndWaitFor } from './cqes.js'
import { close, sqe } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import { msghdr, socketPair, tcpPair } from './sockets.js'
import type { Stand } from './stand.js'

const SOCKETS = [abi.IORING_OP_SOCKET, abi.IORING_OP_BIND, abi.IORING_OP_LISTEN, abi.IORING_OP_CONNECT]
const TCP = [...SOCKETS, abi.IORING_OP_ACCEPT, abi.IORING_OP_SEND, abi.IORING_OP_RECV]
const MESSAGES = [abi.IORING_OP_SENDMSG, abi.IORING_OP_RECVMSG]
const { IORING_CQE_F_MORE: MORE, IORING_CQE_F_NOTIF: NOTIF } = abi
const LINK = abi.IOSQE_IO_LINK
const SKIP = abi.IOSQE_CQE_SKIP_SUCCESS

const send = (fd: number, from: Uint8Array, flags = 0) =>
  sqe(prep.prepSend, fd, addressOf(from), from.byteLength, flags)
const recv = (fd: number, into: Uint8Array, flags = 0) =>
  sqe(prep.prepRecv, fd, addressOf(into), into.byteLength, flags)
const recvmsg = (stand: Stand, fd: number, parts: readonly Uint8Array[], flags: number) =>
  sqe(prep.prepRecvmsg, fd, msghdr(stand, parts).address, flags)

/** Whether a socket has more to be read is in the flags, which nobody here asks. */
const resOf = ({ userData, res }: Cqe) => `${userData}:${named(res)}`

conformance(
  'a socket that a chain closes is at its end for the other side while the thread waits',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      for (const way of [0, abi.IOSQE_ASYNC]) {
        const [client, server] = tcpPair(stand, ring)
        const texts = ['the first, ', 'the second, ', 'the last']
        const into = stand.alloc(64)
        // More room than there is data: it ends when the server's side is closed, and not before.
        put(ring, 1, recv(client, into, net.MSG_WAITALL))
        submit(ring, 1)
        for (const [i, text] of texts.entries()) put(ring, 10 + i, send(server, stand.alloc(text)), LINK | SKIP)
        put(ring, 2, close(server), SKIP | way)
        stand.disown(server)
        submitAndWaitFor(ring, 4, 1)
        const expected = texts.join('')
        assert.deepEqual(reap(ring, 1).map(resOf), [`1:${expected.length}`])
        assert.equal(Buffer.from(into.subarray(0, expected.length)).toString(), expected)
        expectNothing(ring, 'the chain succeeded, and says nothing')
      }
    })
  },
  { opcodes: TCP, features: abi.IORING_FEAT_CQE_SKIP },
)

/** How many bytes each part of a message has; all of them are 512. */
const PARTS = [[512], [1, 100, 300, 111], new Array<number>(16).fill(32)]
const PIECES = [1, 255, 250, 5, 1]

conformance(
  'WAITALL on a connection waits for the last piece, whatever it is received into',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const contents = Uint8Array.from({ length: 512 }, (_, i) => (i >> 4) ^ i)
      const [client, server] = tcpPair(stand, ring)
      for (const way of [0, abi.IOSQE_ASYNC]) {
        for (const lengths of [undefined, ...PARTS]) {
          const parts = (lengths ?? [512]).map((length) => stand.alloc(length))
          const all = net.MSG_WAITALL
          put(ring, 1, lengths === undefined ? recv(server, parts[0]!, all) : recvmsg(stand, server, parts, all), way)
          submit(ring, 1)
          let at = 0
          for (const length of PIECES) {
            expectNothing(ring, `there are ${at} bytes`)
            at += writeSync(client, contents, at, length)
          }
          assert.deepEqual(reap(ring, 1).map(resOf), ['1:512'])
          assert.equal(Buffer.compare(Buffer.concat(parts), contents), 0)
        }
      }
    })
  },
  { opcodes: [...TCP, ...MESSAGES] },
)

const NR_MESSAGES = 64
/** More than the kernel has room for in a request: it allocates them. */
const NR_PARTS = 16
const PART_BYTES = 64

/** Sends until the socket takes no more; returns the bytes it took. */
function fillUp(ring: Ring, fd: number, bytes: Uint8Array): number {
  let total = 0
  for (;;) {
    const res = run(ring, send(fd, bytes, net.MSG_DONTWAIT))
    if (res === -EAGAIN) return total
    total += ok(res, 'send')
  }
}

conformance(
  'messages of many parts that wait for room are sent as they were, though their iovecs have changed',
  (stand) => {
    inEachMode(stand, NR_MESSAGES, (ring) => {
      const [a, b] = socketPair(stand)
      let toCome = fillUp(ring, a, stand.alloc(4096))
      const headers = Array.from({ length: NR_MESSAGES }, (_, i) => {
        const part = stand.alloc(new Uint8Array(PART_BYTES).fill(i + 1))
        return msghdr(stand, new Array<Uint8Array>(NR_PARTS).fill(part))
      })
      for (const [i, { address }] of headers.entries()) put(ring, i + 1, sqe(prep.prepSendmsg, a, address, 0))
      submit(ring, NR_MESSAGES)
      for (const { view, iovecs } of headers) {
        new Uint8Array(view.buffer).fill(0)
        iovecs.fill(0n)
      }
      expectNothing(ring, 'there is no room')
      // Which message goes first is not said, nor whether all of it goes: its bytes tell whose they are.
      const sent = new Array<number>(NR_MESSAGES + 1).fill(0)
      const came = new Array<number>(NR_MESSAGES + 1).fill(0)
      const into = new Uint8Array(4096)
      for (let nrDone = 0; nrDone < NR_MESSAGES || toCome > 0; ) {
        if (toCome > 0) {
          const length = readSync(b, into)
          for (const letter of into.subarray(0, length)) came[letter]!++
          toCome -= length
        } else {
          const [cqe] = reap(ring, 1)
          sent[cqe!.userData] = ok(cqe!.res, 'sendmsg')
          toCome += cqe!.res
          nrDone++
        }
      }
      came[0] = 0
      assert.deepEqual(came, sent)
      assert.ok(sent.slice(1).every((bytes) => bytes > 0 && bytes <= NR_PARTS * PART_BYTES))
    })
  },
  { opcodes: [abi.IORING_OP_SEND, ...MESSAGES] },
)

const ZC_BYTES = 1024 * 1024
const ZC_CONTENTS = Uint8Array.from({ length: ZC_BYTES }, (_, i) => (i >> 8) ^ i)

for (const what of ['send', 'message'] as const) {
  conformance(
    `what was in a registered buffer is received though it is gone by then, from a ${what} without a copy`,
    (stand) => {
      inEachMode(stand, 8, (ring) => {
        const [client, server] = tcpPair(stand, ring)
        const mapping = new Mapping(ZC_BYTES)
        new Uint8Array(mapping.buffer).set(ZC_CONTENTS)
        equalRes(registerBuffers(ring, new BigUint64Array([BigInt(mapping.address), BigInt(ZC_BYTES)])), 0, 'register')
        if (what === 'send') {
          put(ring, 1, sqe(prep.prepSendZcFixed, client, mapping.address, ZC_BYTES, 0, 0, 0))
        } else {
          const { address } = msghdr(stand, [new Uint8Array(mapping.buffer)])
          put(ring, 1, sqe(prep.prepSendmsgZcFixed, client, address, 0, 0))
        }
        submit(ring, 1)
        const [first] = reap(ring, 1)
        assert.equal(first!.flags & (MORE | NOTIF), MORE)
        const sent = ok(first!.res, 'send')
        equalRes(unregisterBuffers(ring), 0, 'unregister')
        mapping.unmap()
        // Who would read at the old address finds this.
        const other = new Mapping(ZC_BYTES)
        new Uint8Array(other.buffer).fill(0xee)
        const into = Buffer.alloc(sent)
        for (let got = 0; got < sent; ) got += readSync(server, into, got, sent - got, null)
        assert.equal(Buffer.compare(into, ZC_CONTENTS.subarray(0, sent)), 0)
        const [second] = reap(ring, 1)
        assert.deepEqual([second!.userData, second!.flags & (MORE | NOTIF)], [1, NOTIF])
        other.unmap()
      })
    },
    {
      opcodes: [...TCP, abi.IORING_OP_SEND_ZC, abi.IORING_OP_SENDMSG_ZC],
      registers: [abi.IORING_REGISTER_BUFFERS],
    },
  )
}
