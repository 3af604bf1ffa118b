/**
 * Views that lie: memory is touched only where a view really is, and not at all where it has gone meanwhile. Main thread, both
 * backends, the compiled modules and the package as shipped.
 */
import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_REGISTER_IOWQ_MAX_WORKERS,
  IORING_REGISTER_PROBE,
} from '../../src/abi/constants.js'
import { AF_INET } from '../../src/abi/socket.js'
import type { Syscalls } from '../../src/abi/syscalls.js'
import * as bare from '../../src/driver/bare.js'
import { code, outcomes, scratchDirectory } from '../../src/driver/driver.test.backends.js'
import { EFAULT, EINVAL } from '../../src/lib/errno.js'
import {
  iovecsOf,
  registerBuffers,
  registerFiles,
  registerFilesTags,
  registerIowqAff,
  registerIowqMaxWorkers,
  unregisterBuffers,
  unregisterFiles,
  unregisterIowqAff,
} from '../../src/ring/register.js'
import type { Ring } from '../../src/ring/ring.js'
import { onEachBuild } from '../each-build.js'

const shipped = (await import(new URL('../../lib/ring.js', import.meta.url).href)) as typeof bare
const BUILDS = [
  ['compiled', bare],
  ['as shipped', shipped],
] as const

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

onEachBuild('a view that lies about itself is what it is', async (open) => {
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

for (const [build, { addressOf, iovecsOf }] of BUILDS) {
  test(`the bare ring takes views for what they are (${build})`, () => {
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

  for (const backend of ['kernel', 'threads'] as const) {
    const made = await bareRing(build, backend)
    const skip = made === undefined && `there is no ring of ${backend} here`
    test(`calls of the bare ring take views for what they are (${backend}, ${build})`, { skip }, () => {
      calls(made!.ring, made!.syscalls)
      made!.ring.queueExit()
    })
  }

  test(`socket addresses are read from where they are (${build})`, () => {
    const { readSockaddr, sockaddrOf, recvmsgOut } = build === 'compiled' ? bare : shipped
    const address = lie(sockaddrOf('127.0.0.1', 80))
    assert.deepEqual(readSockaddr(address), { family: AF_INET, address: '127.0.0.1', port: 80 })
    assert.equal(readSockaddr(lie(new Uint8Array(1))), undefined)
    assert.equal(recvmsgOut(lie(new Uint8Array(3)), 0, 0), undefined)
    assert.deepEqual([...recvmsgOut(lie(new Uint8Array(20).fill(7, 16)), 0, 0)!.payload], [7, 7, 7, 7])
    assert.throws(() => readSockaddr('127.0.0.1' as never), code('ERR_INVALID_ARG_TYPE'))
  })
}

/** Nothing that a view says of itself is so. */
function lie<T extends Uint8Array | Int32Array | Uint32Array | BigUint64Array>(view: T): T {
  return Object.defineProperties(view, {
    byteLength: { value: 65_536 },
    length: { value: 65_536 },
    byteOffset: { value: 1 << 20 },
    buffer: { value: new ArrayBuffer(1) },
  })
}

async function bareRing(build: string, backend: 'kernel' | 'threads') {
  const { loadSyscalls, queueInit } = build === 'compiled' ? bare : shipped
  try {
    const syscalls = await loadSyscalls(backend)
    return { ring: queueInit(syscalls, 4), syscalls }
  } catch {
    return undefined
  }
}

/** What register, setup and enter answer to views that lie is what they answer to others. */
function calls(ring: Ring, syscalls: Syscalls): void {
  const { name } = syscalls
  const limits = (): Uint32Array => new Uint32Array(new ArrayBuffer(64), 16, 2)
  const honest = ring.register(IORING_REGISTER_IOWQ_MAX_WORKERS, limits(), 2)
  const lying = lie(limits())
  assert.equal(ring.register(IORING_REGISTER_IOWQ_MAX_WORKERS, lying, 2), honest, name)
  assert.ok(lying[0]! > 0 && lying[1]! > 0, 'what was answered is in the view')
  const PROBE_OPS = 256
  // What the structures take goes beyond these, whatever they say.
  assert.equal(ring.register(IORING_REGISTER_PROBE, lie(new Uint8Array(8)), PROBE_OPS), -EFAULT, name)
  assert.equal(ring.register(IORING_REGISTER_IOWQ_MAX_WORKERS, lie(new Uint32Array(1)), 2), -EFAULT, name)
  assert.equal(registerIowqMaxWorkers(ring, lie(new Uint32Array(3))), -EINVAL, name)
  const mask = new Uint8Array(8)
  assert.equal(registerIowqAff(ring, lie(mask)), registerIowqAff(ring, mask), name)
  unregisterIowqAff(ring)
  if (name === 'kernel') {
    assert.equal(registerFiles(ring, lie(new Int32Array([0, 1]))), 0)
    assert.equal(unregisterFiles(ring), 0)
    assert.equal(registerBuffers(ring, lie(iovecsOf([new Uint8Array(64)]))), 0)
    assert.equal(unregisterBuffers(ring), 0)
    assert.throws(
      () => registerFilesTags(ring, new Int32Array([0]), new BigUint64Array(2)),
      code('ERR_INVALID_ARG_VALUE'),
    )
  }
  assert.equal(syscalls.setup(4, lie(new Uint8Array(8))), -EFAULT, name)
  const wait = lie(new Uint8Array(8))
  const flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG
  assert.equal(syscalls.enter(ring.fd, 0, 1, flags, wait), -EINVAL, name)
  const gone = new Uint8Array(120)
  structuredClone(0, { transfer: [gone.buffer] })
  assert.throws(() => syscalls.setup(4, gone), code('ERR_INVALID_ARG_VALUE'))
  assert.throws(() => ring.register(IORING_REGISTER_PROBE, gone, 4), code('ERR_INVALID_ARG_VALUE'))
  assert.throws(() => ring.register(IORING_REGISTER_PROBE, {} as never, 4), code('ERR_INVALID_ARG_TYPE'))
}

onEachBuild('a buffer that goes while its arguments are read is refused', async (open) => {
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

onEachBuild('many rings follow one signal without a warning', async (open) => {
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
