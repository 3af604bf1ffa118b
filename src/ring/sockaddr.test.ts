/**
 * Socket addresses: to bytes and back, and what is refused. Main thread.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AF_INET, AF_INET6, AF_UNIX, RECVMSG_OUT } from '../abi/socket.js'
import { readSockaddr, recvmsgOut, sockaddrOf, sockaddrOfPath } from './sockaddr.js'

test('an IPv4 address is its four bytes behind the port, in network order', () => {
  const bytes = sockaddrOf('192.168.1.250', 0x1234)
  assert.deepEqual([...bytes], [2, 0, 0x12, 0x34, 192, 168, 1, 250, 0, 0, 0, 0, 0, 0, 0, 0])
  assert.deepEqual(readSockaddr(bytes), { family: AF_INET, address: '192.168.1.250', port: 0x1234 })
})

for (const [text, groups] of [
  ['::', [0, 0, 0, 0, 0, 0, 0, 0]],
  ['::1', [0, 0, 0, 0, 0, 0, 0, 1]],
  ['1::', [1, 0, 0, 0, 0, 0, 0, 0]],
  ['2001:db8::a:b', [0x2001, 0xdb8, 0, 0, 0, 0, 0xa, 0xb]],
  ['1:2:3:4:5:6:7:8', [1, 2, 3, 4, 5, 6, 7, 8]],
] as const) {
  test(`the IPv6 address ${text} is its eight groups`, () => {
    const bytes = sockaddrOf(text, 80)
    const view = new DataView(bytes.buffer)
    assert.deepEqual(
      Array.from({ length: 8 }, (_, i) => view.getUint16(8 + 2 * i)),
      groups,
    )
    assert.deepEqual(readSockaddr(bytes), { family: AF_INET6, address: text, port: 80 })
  })
}

test('an IPv4 address inside an IPv6 one is two groups', () => {
  const bytes = sockaddrOf('::ffff:1.2.3.4', 1)
  assert.deepEqual([...bytes.subarray(18, 24)], [0xff, 0xff, 1, 2, 3, 4])
})

test('a path ends with a NUL, an abstract name does not', () => {
  assert.deepEqual([...sockaddrOfPath('/a')], [1, 0, 47, 97, 0])
  assert.deepEqual([...sockaddrOfPath('\0a')], [1, 0, 0, 97])
  assert.deepEqual(readSockaddr(sockaddrOfPath('/a/b')), { family: AF_UNIX, path: '/a/b' })
  assert.deepEqual(readSockaddr(sockaddrOfPath('\0name')), { family: AF_UNIX, path: '\0name' })
})

test('what is no address, no port, or too long is refused', () => {
  const refused = { code: 'ERR_INVALID_ARG_VALUE' }
  for (const address of ['localhost', '1.2.3', '::g', 'fe80::1%lo', '']) {
    assert.throws(() => sockaddrOf(address, 1), refused, address)
  }
  for (const port of [-1, 65536, 1.5]) assert.throws(() => sockaddrOf('::1', port), refused, String(port))
  assert.throws(() => sockaddrOfPath('x'.repeat(108)), refused)
  assert.equal(sockaddrOfPath('x'.repeat(107)).byteLength, 110)
})

test('bytes of another family, and too few, are no name', () => {
  assert.equal(readSockaddr(new Uint8Array(0)), undefined)
  assert.equal(readSockaddr(sockaddrOf('1.2.3.4', 1).subarray(0, 8)), undefined)
  assert.equal(readSockaddr(new Uint8Array([16, 0, 0, 0])), undefined)
})

test('a received message is taken apart by the room that was asked for', () => {
  const bytes = new Uint8Array(RECVMSG_OUT.size + 4 + 8 + 5).map((_, i) => i)
  const view = new DataView(bytes.buffer)
  for (const [i, value] of [2, 8, 5, 32].entries()) view.setUint32(i * 4, value, true)
  const out = recvmsgOut(bytes, 4, 8)
  assert.deepEqual([...out!.name], [16, 17])
  assert.deepEqual([...out!.control], [20, 21, 22, 23, 24, 25, 26, 27])
  assert.deepEqual([...out!.payload], [28, 29, 30, 31, 32])
  assert.equal(out!.flags, 32)
  assert.equal(recvmsgOut(bytes.subarray(0, 27), 4, 8), undefined)
})
