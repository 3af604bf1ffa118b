/**
 * A ring that is closed: every call on it throws, and memory taken from it before is nobody's. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import * as abi from '../../src/abi/constants.js'
import { BufRing, setupBufRing } from '../../src/ring/buf-ring.js'
import { prepNop, setUserData } from '../../src/ring/prep.js'
import * as registers from '../../src/ring/register.js'
import { addressOf } from '../../src/sys/memory.js'
import { conformance } from './harness.js'

const CLOSED = { code: 'ERR_INVALID_STATE' }
/** What may be asked of a closed ring, and what the ring calls itself. */
const HARMLESS = new Set(['constructor', 'queueExit', 'isOpen', 'close', 'addGroup', 'dropGroup', 'slots'])

/** What takes no ring. */
const OF_NO_RING = new Set(['registerSyncMsg', 'registerQuery', 'iovecsOf'])

function methodsOf(object: object): [name: string, call: (...args: unknown[]) => unknown][] {
  const prototype = Object.getPrototypeOf(object) as object
  return Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([name, { value }]) => typeof value === 'function' && !HARMLESS.has(name))
    .map(([name, { value }]) => [name, (...args) => (value as (...a: unknown[]) => unknown).apply(object, args)])
}

conformance('every call on a closed ring throws', (stand) => {
  const ring = stand.openRing(4)
  const { sq, cq } = ring
  ring.queueExit()
  for (const [of, object] of Object.entries({ ring, sq, cq })) {
    const methods = methodsOf(object)
    assert.ok(methods.length > 5, of)
    for (const [name, call] of methods) {
      const args = name.endsWith('Until') ? [1, 1n] : [1, 1, 1]
      assert.throws(() => call(...args), CLOSED, `${of}.${name}`)
    }
  }
  assert.equal(sq.words.length, 0)
  assert.equal(ring.isOpen, false)
  ring.queueExit()
})

conformance('every register call on a closed ring throws', (stand) => {
  const ring = stand.openRing(4)
  ring.queueExit()
  const list: unknown[] = []
  const args: Readonly<Record<string, unknown[]>> = {
    registerFiles: [new Int32Array(1)],
    registerFilesTags: [new Int32Array(1), new BigUint64Array(1)],
    registerFilesUpdate: [0, new Int32Array(1)],
    registerFilesUpdateTag: [0, new Int32Array(1)],
    registerBuffers: [stand.iovecs([stand.alloc(8)])],
    registerBuffersTags: [stand.iovecs([stand.alloc(8)]), new BigUint64Array(1)],
    registerBuffersUpdateTag: [0, stand.iovecs([stand.alloc(8)])],
    cloneBuffers: [ring],
    cloneBuffersOffset: [ring, 0, 0, 1],
    registerRestrictions: [[{ sqeOp: 0 }]],
    registerIowqAff: [new Uint8Array(8)],
    registerIowqMaxWorkers: [new Uint32Array(2)],
    registerSyncCancel: [{}],
  }
  for (const [name, call] of Object.entries(registers)) {
    if (typeof call !== 'function' || OF_NO_RING.has(name)) continue
    const apply = call as (...given: unknown[]) => unknown
    assert.throws(() => apply(ring, ...(args[name] ?? [1, 1, 1])), CLOSED, name)
    list.push(name)
  }
  assert.ok(list.length > 25, `${list.length} calls`)
})

conformance('words that were taken from a closed ring are nobody’s', (stand) => {
  for (let round = 0; round < 20; round++) {
    const ring = stand.openRing(8)
    const { words } = ring.sq
    const rings = new Int32Array(stand.syscalls.memory(ring.fd).rings)
    const at = ring.sq.getSqe()
    prepNop(words, at)
    ring.submit()
    ring.queueExit()
    for (let i = 0; i < words.length; i++) words[i] = i
    for (let i = 0; i < rings.length; i++) rings[i] = i
    setUserData(words, at, 1)
    assert.equal(words[words.length - 1], words.length - 1)
  }
})

conformance(
  'a ring of buffers that is freed, or whose ring is closed, throws',
  (stand) => {
    const memory = addressOf(stand.alloc(64))
    for (const flags of [0, abi.IOU_PBUF_RING_MMAP]) {
      const ring = stand.openRing(4)
      const [freed, closed] = [setupBufRing(ring, 4, 1, flags), setupBufRing(ring, 4, 2, flags)]
      assert.ok(freed instanceof BufRing && closed instanceof BufRing)
      for (const group of [freed, closed]) group.give(memory, 8, 0)
      assert.equal(freed.free(), 0)
      assert.throws(() => freed.give(memory, 8, 0), CLOSED)
      ring.queueExit()
      for (const group of [freed, closed]) {
        assert.throws(() => group.add(memory, 8, 0), CLOSED)
        assert.throws(() => group.advance(1), CLOSED)
        assert.throws(() => group.available(), CLOSED)
      }
      assert.equal(closed.free(), 0)
    }
  },
  { registers: [abi.IORING_REGISTER_PBUF_RING] },
)

conformance('a closed ring’s registered index is closed with it', (stand) => {
  const ring = stand.openRing(4)
  ring.registerRingFd()
  ring.queueExit()
  assert.throws(() => ring.unregisterRingFd(), CLOSED)
})
