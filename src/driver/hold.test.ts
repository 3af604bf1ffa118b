import assert from 'node:assert/strict'
import { closeSync, writeSync } from 'node:fs'
import { test } from 'node:test'
import { MessageChannel, Worker } from 'node:worker_threads'
import { code, makePipe, onEachBackend, outcomes } from './driver.test.backends.js'
import type { Uring } from './uring.js'

const MODULE = new URL('./uring.js', import.meta.url).href
const NODE = Number(process.versions.node.split('.')[0])

declare const WebAssembly: {
  Memory: new (pages: {
    initial: number
    maximum: number
  }) => { readonly buffer: ArrayBuffer; grow(pages: number): void }
}
interface Later {
  /** ES2024. */
  transfer?(): ArrayBuffer
}
type ResizableBuffer = new (lengthBytes: number, options: { maxByteLength: number }) => ArrayBuffer

/** Every way to take a buffer's memory away, by name; each may throw. */
const TRANSFERS: Record<string, (buffer: ArrayBuffer) => unknown> = {
  structuredClone: (buffer) => structuredClone(0, { transfer: [buffer] }),
  postMessage: (buffer) => {
    const { port1 } = new MessageChannel()
    try {
      port1.postMessage(0, [buffer])
    } finally {
      port1.close()
    }
  },
}
if (NODE >= 24) {
  TRANSFERS['transfer()'] = (buffer) => (buffer as Later).transfer?.()
  TRANSFERS['a byte stream'] = (buffer) =>
    new ReadableStream({ type: 'bytes', start: (controller) => controller.enqueue(new Uint8Array(buffer)) })
}

function tryTransfer(how: string, buffer: ArrayBuffer): void {
  try {
    TRANSFERS[how]?.(buffer)
  } catch {}
}

/** Buffers that no operation takes, by what is wrong with them. */
function unfit(): Record<string, ArrayBufferView> {
  const Resizable = ArrayBuffer as unknown as ResizableBuffer
  const Growable = SharedArrayBuffer as unknown as ResizableBuffer
  const detached = new Uint8Array(8)
  const detachedView = new DataView(new ArrayBuffer(8))
  structuredClone(0, { transfer: [detached.buffer, detachedView.buffer] })
  const shrunk = new Resizable(8, { maxByteLength: 16 })
  const outOfBounds = new Uint8Array(shrunk, 4, 4)
  ;(shrunk as unknown as { resize(lengthBytes: number): void }).resize(0)
  return {
    'it tracks the length of a resizable buffer': new Uint8Array(new Resizable(8, { maxByteLength: 16 })),
    'it is part of a resizable buffer': new Uint8Array(new Resizable(8, { maxByteLength: 16 }), 2, 4),
    'its resizable buffer is empty': new Uint8Array(new Resizable(0, { maxByteLength: 16 })),
    'its resizable buffer has become too small': outOfBounds,
    'its shared buffer may grow': new Uint8Array(new Growable(8, { maxByteLength: 16 })),
    'it is detached': detached,
    'it is a detached DataView': detachedView,
  }
}

async function refusesUnfit(ring: Uring): Promise<void> {
  for (const [why, buffer] of Object.entries(unfit())) {
    const calls = [
      ring.read(0, buffer),
      ring.write(1, buffer),
      ring.readv(0, [new Uint8Array(1), buffer]),
      ring.writev(1, [new Uint8Array(1), buffer]),
    ]
    assert.equal(ring.stats().queued, 0, why)
    assert.deepEqual(await outcomes(calls), calls.fill('ERR_INVALID_ARG_VALUE' as never), why)
  }
  assert.equal(ring.stats().sqes, 0)
}

onEachBackend('buffers whose memory may go away are refused before anything is queued', async (open) => {
  await refusesUnfit(await open())
  await refusesUnfit(await open({ lend: true }))
})

onEachBackend('a buffer with a read in flight keeps its memory, whoever would transfer it', async (open) => {
  const ring = await open()
  for (const how of Object.keys(TRANSFERS)) {
    const [from, to] = makePipe()
    // With a page of WebAssembly's: that is looked at more closely.
    for (const lengthBytes of [100, 65536]) {
      const bytes = new Uint8Array(lengthBytes)
      const pending = ring.read(from, bytes)
      tryTransfer(how, bytes.buffer)
      await ring.nop()
      tryTransfer(how, bytes.buffer)
      assert.equal(bytes.length, lengthBytes, how)
      writeSync(to, 'text')
      assert.equal(await pending, 4)
      assert.equal(Buffer.from(bytes.subarray(0, 4)).toString(), 'text')
      const vectored = ring.readv(from, [bytes, new Uint8Array(3)])
      tryTransfer(how, bytes.buffer)
      assert.equal(bytes.length, lengthBytes, how)
      writeSync(to, 'more')
      assert.equal(await vectored, 4)
    }
    closeSync(from)
    closeSync(to)
  }
})

onEachBackend('a shared buffer and the memory of WebAssembly are read into, and grow as before', async (open) => {
  const ring = await open()
  const [from, to] = makePipe()
  writeSync(to, 'sharedwasm')
  const shared = new Uint8Array(new SharedArrayBuffer(6))
  assert.equal(await ring.read(from, shared), 6)
  assert.equal(Buffer.from(shared).toString(), 'shared')
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 })
  assert.equal(await ring.read(from, new Uint8Array(memory.buffer, 10, 4)), 4)
  memory.grow(1)
  assert.equal(Buffer.from(memory.buffer, 10, 4).toString(), 'wasm')
  closeSync(from)
  closeSync(to)
})

onEachBackend('what is lent may be transferred, even in flight', async (open) => {
  const ring = await open({ lend: true })
  const [from, to] = makePipe()
  const [read, readv] = [new Uint8Array(8), new DataView(new ArrayBuffer(8))]
  const reads = outcomes([ring.read(from, read), ring.readv(from, [new Uint8Array(1), readv])])
  await ring.nop()
  const moved = structuredClone([read, readv.buffer], { transfer: [read.buffer, readv.buffer] })
  writeSync(to, '12345678')
  writeSync(to, '12345678')
  assert.deepEqual(await reads, ['ERR_INVALID_STATE', 'ERR_INVALID_STATE'])
  assert.deepEqual(moved, [new Uint8Array(8), new ArrayBuffer(8)], 'nothing was written')
  const bytes = Buffer.from(new ArrayBuffer(4))
  bytes.write('text')
  const write = ring.write(to, bytes)
  const gone = structuredClone(bytes, { transfer: [bytes.buffer] })
  assert.equal(await write, 4)
  assert.equal(await ring.read(from, gone), 4)
  assert.equal(Buffer.from(gone).toString(), 'text')
  closeSync(from)
  closeSync(to)
})

test('in a Worker everything is lent', async () => {
  const source = `import { Uring } from '${MODULE}'
    import { parentPort } from 'node:worker_threads'
    const refused = await Uring.open({ lend: false }).catch((error) => error.code)
    parentPort.postMessage(refused)`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`))
  const told = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  assert.equal(told, 'ERR_INVALID_ARG_VALUE')
})

onEachBackend('lend is a boolean', async (open) => {
  await assert.rejects(open({ lend: 1 as unknown as boolean }), code('ERR_INVALID_ARG_TYPE'))
})
