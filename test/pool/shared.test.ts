/** SharedArrayBuffers are shared, transferables move. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Pool } from '../../src/pool/pool.js'
import { rejectionOf, until } from './gate.js'

const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), { maxWorkers: 1 })
after(() => pool.close())

test('a SharedArrayBuffer is the same memory', async () => {
  const sab = new SharedArrayBuffer(16)
  await pool.run('setWord', [sab, 2, 77])
  assert.equal(new Int32Array(sab)[2], 77)
})

test('so is a view of one, and one deep inside of other values', async () => {
  const sab = new SharedArrayBuffer(64)
  const view = new Int32Array(sab, 8, 4)
  const [got] = (await pool.run('echoAll', [view])) as [Int32Array]
  assert.equal(got.buffer instanceof SharedArrayBuffer, true)
  got[0] = 5
  assert.equal(view[0], 5)
  assert.deepEqual([got.byteOffset, got.length], [8, 4])
  const deep = (await pool.run('echo', [{ list: Array.from({ length: 300 }, () => ({ sab })) }])) as {
    list: { sab: SharedArrayBuffer }[]
  }
  new Int32Array(deep.list[299]!.sab)[15] = 9
  assert.equal(new Int32Array(sab)[15], 9)
})

test('a buffer crosses once: later jobs find it at the worker', async () => {
  const sab = new SharedArrayBuffer(16)
  await pool.run('isSameShared', [sab])
  assert.equal(await pool.run('isSameShared', [sab]), true)
  assert.equal(await pool.run('isSameShared', [new SharedArrayBuffer(16)]), false)
})

test('many buffers at once', async () => {
  const sabs = Array.from({ length: 200 }, () => new SharedArrayBuffer(8))
  await Promise.all(sabs.map((sab, i) => pool.run('setWord', [sab, 1, i])))
  assert.ok(sabs.every((sab, i) => new Int32Array(sab)[1] === i))
})

test('a result may be a SharedArrayBuffer', async () => {
  const sab = await pool.run('makeShared', [16, 3])
  assert.ok(sab instanceof SharedArrayBuffer)
  assert.equal(new Int32Array(sab)[3], 3)
})

test('a transferred buffer is gone here at once, and whole there', async () => {
  const bytes = new Uint8Array(1000).fill(2)
  const sum = pool.run('sumBytes', [bytes], { transfer: [bytes.buffer] })
  assert.equal(bytes.byteLength, 0)
  assert.equal(await sum, 2000)
})

test('a transferred buffer together with what the pool does not serialise itself', async () => {
  const buffer = new ArrayBuffer(8)
  const [, got] = (await pool.run('echoAll', [new Blob(['x']), buffer], { transfer: [buffer] })) as [Blob, ArrayBuffer]
  assert.equal(buffer.byteLength, 0)
  assert.equal(got.byteLength, 8)
})

test('a transferred MessagePort works', async () => {
  const { port1, port2 } = new MessageChannel()
  const heard = new Promise((resolve) => port1.once('message', resolve))
  await pool.run('say', [port2 as MessagePort, 'hello'], { transfer: [port2] })
  assert.equal(await heard, 'hello')
  port1.close()
})

test('a port that is not transferred cannot be cloned, nor a buffer moved twice', async () => {
  const { port1, port2 } = new MessageChannel()
  // Node 20 says so with a TypeError, later ones with a DataCloneError.
  assert.match((await rejectionOf(pool.run('echo', [port2 as unknown]))).message, /transfer/)
  const buffer = new ArrayBuffer(8)
  assert.equal((await rejectionOf(pool.run('echo', [buffer], { transfer: [buffer, buffer] }))).name, 'DataCloneError')
  port1.close()
})

test('a job moves its result', async () => {
  for (const name of ['fill', 'fillLater'] as const) {
    const bytes = await pool.run(name, [100_000, 3])
    assert.equal(bytes.length, 100_000)
    assert.ok(bytes.every((b) => b === 3))
  }
})

test('a port moved for a job that is cancelled is closed', async () => {
  await using other = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), { maxWorkers: 1 })
  const { port1, port2 } = new MessageChannel()
  let closed = false
  port1.once('close', () => {
    closed = true
  })
  const controller = new AbortController()
  const job = other.run('say', [port2 as MessagePort, 'hello'], { transfer: [port2], signal: controller.signal })
  controller.abort()
  assert.equal((await rejectionOf(job)).name, 'AbortError')
  await until(() => closed, 'the port is closed')
})
