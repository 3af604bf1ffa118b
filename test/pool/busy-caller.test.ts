/** Jobs begin whatever their caller does after it gave them: it may compute, or sleep where no event loop turns. */
import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { open } from 'node:fs/promises'
import { test } from 'node:test'
import { MessageChannel, type TransferListItem } from 'node:worker_threads'
import { futexWait, loadAcquire, storeRelease } from '../../src/lib/barrier.js'
import { Pool } from '../../src/pool/pool.js'
import { sharedWords } from './gate.js'

const moving = (size: number) => {
  const buffer = new ArrayBuffer(size)
  return { args: [buffer, { of: new Uint8Array(buffer, 0, size >> 1) }], transfer: [buffer] }
}

interface Call {
  readonly args: unknown[]
  readonly transfer?: TransferListItem[]
}

const CASES: Readonly<Record<string, () => Call | Promise<Call>>> = {
  'a number': () => ({ args: [1] }),
  'a text of 100 kB': () => ({ args: ['x'.repeat(100_000)] }),
  'a buffer of 4 MB': () => ({ args: [Buffer.alloc(4e6)] }),
  'a buffer that is moved': () => moving(8),
  'an empty buffer that is moved': () => moving(0),
  'a buffer of 200 kB that is moved': () => moving(200_000),
  'a buffer of 300 kB that is moved': () => moving(300_000),
  'a buffer of 5 MB': () => ({ args: [Buffer.alloc(5e6)] }),
  'a Blob': () => ({ args: [new Blob(['x'])] }),
  'a port that is moved': () => {
    const { port1, port2 } = new MessageChannel()
    port1.close()
    return { args: [port2], transfer: [port2] }
  },
  'a file that is moved': async () => {
    const file = await open('/dev/null')
    return { args: [file], transfer: [file as unknown as TransferListItem] }
  },
  'a key': () => ({ args: [createSecretKey(Buffer.alloc(16))] }),
  'a SharedArrayBuffer': () => ({ args: [new SharedArrayBuffer(8)] }),
  'several shared buffers, and a view of one': () => ({
    args: [new SharedArrayBuffer(8), new SharedArrayBuffer(16), new Int32Array(new SharedArrayBuffer(8))],
  }),
  'a shared buffer deep in large values': () => ({
    args: [{ sab: new SharedArrayBuffer(8), text: 'x'.repeat(100_000) }],
  }),
  'several big views': () => ({ args: [[Buffer.alloc(50_000), new Float64Array(5000), Buffer.alloc(100_000)]] }),
}

test('while the caller sleeps', async () => {
  const words = sharedWords(1)
  await using pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), {
    maxWorkers: 1,
    workerData: words,
  })
  for (const [what, make] of Object.entries(CASES)) {
    storeRelease(words, 0, 0)
    const { args, transfer = [] } = await make()
    const done = pool.run('wake', args, { transfer })
    const end = performance.now() + 30_000
    while (loadAcquire(words, 0) === 0 && performance.now() < end) futexWait(words, 0, 0, 1000)
    assert.equal(loadAcquire(words, 0), 1, what)
    for (const one of transfer) if (one instanceof ArrayBuffer) assert.equal(one.byteLength, 0)
    await done
  }
})

test('what is moved in one piece of shared memory arrives as it was, views of it on the same buffer', async () => {
  await using pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), { maxWorkers: 1 })
  for (const size of [0, 1, 7, 8, 1000, 100_001, 250_000, 300_000]) {
    const bytes = Uint8Array.from({ length: size }, (_, i) => i * 7)
    const expected = bytes.slice()
    const other = Float64Array.from([size, -1])
    const args = [{ bytes, again: bytes.buffer, other: other.buffer, text: 'x' }]
    const got = (await pool.run('echo', args as [unknown], { transfer: [bytes.buffer, other.buffer] })) as {
      bytes: Uint8Array
      again: ArrayBuffer
      other: ArrayBuffer
    }
    assert.equal(bytes.byteLength, 0)
    assert.deepEqual([...got.bytes], [...expected])
    assert.deepEqual(new Uint8Array(got.again), expected)
    assert.deepEqual([...new Float64Array(got.other)], [size, -1])
  }
})
