/**
 * Views that lie, and options that call back: memory is touched only where a view really is, and what the caller's code does
 * while its arguments are read breaks nothing. Main thread, both backends.
 */
import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { code, onEachBackend, outcomes, scratchDirectory } from '../../src/driver/driver.test.backends.js'
import type { Uring } from '../../src/driver/uring.js'
import { iovecsOf } from '../../src/ring/register.js'
import { addressOf } from '../../src/sys/memory.js'

const directory = scratchDirectory()
const path = join(directory, 'data')
const BYTES = 16

/** Sixteen bytes of 'x', and nothing of what the view says of itself is so. */
const LIARS: Record<string, () => ArrayBufferView> = {
  'a property byteLength': () => Object.defineProperty(sixteen(), 'byteLength', { value: 65_536 }),
  'a property length': () => Object.defineProperty(sixteen(), 'length', { value: 65_536 }),
  'a property byteOffset': () => Object.defineProperty(sixteen(), 'byteOffset', { value: 1 << 20 }),
  'a property buffer': () => Object.defineProperty(sixteen(), 'buffer', { value: new ArrayBuffer(1) }),
  'a class with a getter': () => {
    class Liar extends Uint8Array {
      override get byteLength() {
        return 65_536
      }
    }
    return new Liar(sixteen().buffer, 8, BYTES)
  },
  'a DataView with properties': () =>
    Object.defineProperties(new DataView(sixteen().buffer, 8, BYTES), {
      byteLength: { value: 65_536 },
      byteOffset: { value: 1 << 20 },
    }),
}

function sixteen(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(BYTES + 8).slice(0), 8, BYTES).fill(120)
}

onEachBackend('a view that lies about itself is what it is', async (open) => {
  for (const ring of [await open(), await open({ lend: true })]) {
    for (const [what, make] of Object.entries(LIARS)) {
      writeFileSync(path, '')
      const fd = openSync(path, 'r+')
      const text = 'x'.repeat(BYTES)
      assert.equal(await ring.write(fd, make(), { position: 0 }), BYTES, what)
      assert.equal(await ring.writev(fd, [make(), make()], BYTES), 2 * BYTES, what)
      assert.equal(readFileSync(path, 'latin1'), text.repeat(3), what)
      assert.equal(await ring.read(fd, make(), { position: 0 }), BYTES, what)
      assert.equal(await ring.readv(fd, [make(), make()], 0), 2 * BYTES, what)
      await assert.rejects(ring.read(fd, make(), { length: BYTES + 1 }), code('ERR_OUT_OF_RANGE'), what)
      closeSync(fd)
    }
  }
})

test('the bare ring takes views for what they are', () => {
  for (const [what, make] of Object.entries(LIARS)) {
    const view = make()
    const honest = addressOf(view)
    assert.ok(honest > 0, what)
    assert.deepEqual([...iovecsOf([view])], [BigInt(honest), BigInt(BYTES)], what)
  }
  const gone = new Uint8Array(8)
  const before = addressOf(gone)
  assert.ok(before > 0)
  structuredClone(0, { transfer: [gone.buffer] })
  assert.throws(() => addressOf(gone), code('ERR_INVALID_ARG_VALUE'))
  assert.throws(() => addressOf({} as never), code('ERR_INVALID_ARG_TYPE'))
  // Those read first are still looked at when the last has been read.
  const first = new Uint8Array(8)
  const views = [first, first]
  Object.defineProperty(views, 1, {
    get: () => {
      structuredClone(0, { transfer: [first.buffer] })
      return new Uint8Array(8)
    },
  })
  assert.throws(() => iovecsOf(views), code('ERR_INVALID_ARG_VALUE'))
})

onEachBackend('a buffer that goes while its arguments are read is refused', async (open) => {
  const fd = openSync(path, 'w+')
  for (const ring of [await open(), await open({ lend: true })]) {
    const view = new Uint8Array(new ArrayBuffer(1001))
    const options = {
      get position() {
        structuredClone(0, { transfer: [view.buffer] })
        return 0
      },
    }
    await assert.rejects(ring.read(fd, view, options), code('ERR_INVALID_ARG_VALUE'))
    const [a, b] = [new Uint8Array(new ArrayBuffer(1001)), new Uint8Array(3)]
    const list = [a, b]
    Object.defineProperty(list, 1, {
      get: () => {
        structuredClone(0, { transfer: [a.buffer] })
        return b
      },
    })
    await assert.rejects(ring.writev(fd, list, 0), code('ERR_INVALID_ARG_VALUE'))
    assert.equal(ring.stats().queued, 0)
  }
  closeSync(fd)
})

/** Every operation, with the names of its options. */
const METHODS: Record<string, [names: string[], call: (ring: Uring, fd: number, options: object) => Promise<unknown>]> =
  {
    nop: [[], (ring, _, options) => ring.nop(options)],
    openat: [['dirfd'], (ring, _, options) => ring.openat('/dev/null', 'r', 0, options)],
    close: [[], (ring, _, options) => ring.close(0x7fffffff, options)],
    read: [['offset', 'length', 'position'], (ring, fd, options) => ring.read(fd, Buffer.alloc(8), options)],
    write: [['offset', 'length', 'position'], (ring, fd, options) => ring.write(fd, Buffer.alloc(8), options)],
    readv: [[], (ring, fd, options) => ring.readv(fd, [Buffer.alloc(8)], 0, options)],
    writev: [[], (ring, fd, options) => ring.writev(fd, [Buffer.alloc(8)], 0, options)],
    fsync: [['datasync'], (ring, fd, options) => ring.fsync(fd, options)],
    statx: [['flags', 'mask', 'dirfd'], (ring, _, options) => ring.statx('/dev/null', options)],
  }
const EVERY = ['signal', 'link', 'hardlink', 'async']
const DOES: Record<string, (ring: Uring, fd: number) => unknown> = {
  'issues another': (ring) => ring.nop(),
  'issues a chain': (ring, fd) => [ring.nop({ link: true }), ring.read(fd, Buffer.alloc(1))],
  'opens a chain': (ring) => ring.nop({ link: true }),
  'issues a bad one': (ring) => ring.read(-1, Buffer.alloc(1)).catch(() => undefined),
  'closes the ring': (ring) => ring.close(),
  'destroys the ring': (ring) => ring.destroy(),
  throws: () => {
    throw Object.assign(new Error('mine'), { code: 'MINE' })
  },
}
/** What an operation may say: its result, that it was too late for the ring, that its chain was refused, what was thrown. */
const ALLOWED = new Set<unknown>(['ERR_INVALID_STATE', 'ECANCELED', 'ABORT_ERR', 'EBADF', 'MINE'])

onEachBackend('an accessor among the options may do anything', async (open) => {
  const fd = openSync(path, 'w+')
  for (const [method, [names, call]] of Object.entries(METHODS)) {
    for (const what of Object.keys(DOES)) {
      for (const name of [...EVERY, ...names, 'signal.aborted', 'signal.addEventListener']) {
        const ring = await open({ entries: 8 })
        const inner: unknown[] = []
        let calls = 0
        const act = () => {
          calls++
          inner.push(DOES[what]?.(ring, fd))
        }
        const outer = call(ring, fd, given(name, act))
        const [result] = await outcomes([outer])
        const where = `${method}: ${name} ${what}`
        assert.ok(
          typeof result === 'number' || typeof result === 'object' || ALLOWED.has(result),
          `${where}: ${result}`,
        )
        await Promise.allSettled(inner.flat() as Promise<unknown>[])
        assert.ok(calls > 0, `${where} was read`)
        if (!name.startsWith('signal.')) assert.equal(calls, 1, `${where} is read once`)
        if (!/closes|destroys/.test(what)) assert.equal(await ring.nop(), 0, where)
        if (method === 'openat' && typeof result === 'number') closeSync(result)
        await ring.destroy()
        assert.equal(ring.stats().inFlight, 0, where)
      }
    }
  }
  closeSync(fd)
})

/** Options of which one, or a part of the signal, runs `act`. */
function given(name: string, act: () => void): object {
  const part = name.split('.')[1]
  if (part === undefined) {
    return {
      get [name]() {
        act()
        return undefined
      },
    }
  }
  const signal = {
    aborted: false,
    addEventListener: () => {},
    removeEventListener: () => {},
  }
  Object.defineProperty(signal, part, {
    get: () => {
      act()
      return part === 'aborted' ? false : () => {}
    },
  })
  return { signal }
}

onEachBackend('options are own properties that the operation knows', async (open) => {
  const ring = await open()
  const fd = openSync(path, 'w+')
  for (const [method, [, call]] of Object.entries(METHODS)) {
    await assert.rejects(call(ring, fd, { maxThreads: 1 }), code('ERR_INVALID_ARG_VALUE'), method)
    await assert.rejects(call(ring, fd, 1 as never), code('ERR_INVALID_ARG_TYPE'), method)
  }
  const polluted = Object.prototype as unknown as { position?: unknown; signal?: unknown }
  polluted.position = 5
  polluted.signal = 5
  const written = ring.write(fd, Buffer.from('12345678'), {})
  delete polluted.position
  delete polluted.signal
  assert.equal(await written, 8)
  assert.equal(readFileSync(path, 'latin1'), '12345678')
  closeSync(fd)
})

onEachBackend('many rings follow one signal without a warning', async (open) => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => warnings.push(warning)
  process.on('warning', onWarning)
  const abort = new AbortController()
  const rings = await Promise.all(Array.from({ length: 12 }, () => open()))
  const nops = rings.map((ring) => ring.nop({ signal: abort.signal }))
  abort.abort()
  assert.deepEqual(new Set(await outcomes(nops)), new Set(['ABORT_ERR']))
  await new Promise(setImmediate)
  process.off('warning', onWarning)
  assert.deepEqual(warnings, [])
})
