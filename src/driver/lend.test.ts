import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { code, onEachBackend, scratchDirectory } from './driver.test.backends.js'
import { Lender } from './lend.js'
import { Pieces } from './pieces.js'

const directory = scratchDirectory()
const MODULE = new URL('./uring.js', import.meta.url).href

/** Runs `body` in a Worker with a ring of `backend`; resolves to what it posts. */
async function inWorker(backend: string, path: string, body: string): Promise<unknown> {
  const source = `import { Uring } from '${MODULE}'
    import { parentPort, workerData } from 'node:worker_threads'
    const ring = await Uring.open({ backend: '${backend}' })
    ${body}
    await ring.close()`
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`)
  const worker = new Worker(url, { workerData: path })
  const gone = new Promise((resolve) => worker.once('exit', resolve))
  const result = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  await gone
  return result
}

onEachBackend('a ring in a Worker reads and writes what one outside does', async (_, backend) => {
  const result = await inWorker(
    backend,
    join(directory, `worker-${backend}`),
    `const fd = await ring.openat(workerData, 'w+')
    const bytes = Buffer.from('0123456789')
    const written = [
      await ring.write(fd, bytes, { offset: 2, length: 5, position: 0 }),
      await ring.writev(fd, [Buffer.from('one'), Buffer.from(''), Buffer.from('two')], 5),
    ]
    const one = Buffer.alloc(8, '-'), two = [Buffer.alloc(2), Buffer.alloc(4), Buffer.alloc(9, '-')]
    const read = [
      await ring.read(fd, one, { offset: 1, length: 4, position: 1 }),
      await ring.readv(fd, two, 3),
      await ring.read(fd, new Uint8Array(0), { position: 0 }),
    ]
    const { stx_size } = await ring.statx(fd)
    const big = Buffer.alloc(300_000, 'b')
    await ring.write(fd, big, { position: 0 })
    const back = Buffer.alloc(300_000)
    await ring.read(fd, back, { position: 0 })
    await ring.close(fd)
    parentPort.postMessage([written, read, one.toString(), two.join('|'), stx_size, back.equals(big)])`,
  )
  assert.deepEqual(result, [[5, 6], [4, 8, 0], '-3456---', '56|onet|wo-------', 11, true])
})

onEachBackend('a buffer detached under a read in a Worker fails the read alone', async (_, backend) => {
  const result = await inWorker(
    backend,
    join(directory, `detached-${backend}`),
    `const fd = await ring.openat(workerData, 'w+')
    await ring.write(fd, Buffer.from('text'))
    const bytes = new Uint8Array(4)
    const pending = ring.read(fd, bytes, { position: 0 }).catch((error) => error.code)
    const moved = structuredClone(bytes, { transfer: [bytes.buffer] })
    const ended = await pending
    parentPort.postMessage([ended, moved.length, await ring.read(fd, moved, { position: 0 })])`,
  )
  assert.deepEqual(result, ['ERR_INVALID_STATE', 4, 4])
})

test('pieces are used again, and large ones unmapped when they grow many', () => {
  const pieces = new Pieces(false)
  const small = pieces.take(256)
  const other = pieces.take(200)
  assert.equal(small.bytes.byteLength, 256)
  assert.notEqual(small.address, other.address)
  small.bytes.fill(7)
  other.bytes.fill(0)
  assert.equal(small.words[63], 0x07070707)
  pieces.giveBack(small)
  assert.equal(pieces.take(1), small)
  const large = Array.from({ length: 5 }, () => pieces.take(3 << 20))
  for (const piece of large) {
    assert.equal(piece.bytes.byteLength, 4 << 20)
    piece.bytes[piece.bytes.length - 1] = 1
  }
  for (const piece of large) pieces.giveBack(piece)
  assert.equal(pieces.take(4 << 20), large[1])
  assert.equal(pieces.take(4 << 20), large[0])
  const fresh = pieces.take(4 << 20)
  assert.ok(!large.includes(fresh))
  pieces.close()
})

test('a loan carries bytes there and back, and is given back', () => {
  const pieces = new Pieces(false)
  const lender = new Lender(pieces)
  const from = Buffer.from('abcdef')
  const write = lender.toWrite(from, 1, 3)
  write.release()
  const piece = pieces.take(3)
  assert.equal(piece.address, write.address)
  assert.equal(Buffer.from(piece.bytes.subarray(0, 3)).toString(), 'bcd')
  pieces.giveBack(piece)
  const into = [new Uint8Array(2), new DataView(new ArrayBuffer(4), 1, 2)]
  const read = lender.toReadv(into)
  assert.equal(read.finish(3), 3)
  assert.equal(Buffer.from(into[0]!.buffer as ArrayBuffer).toString(), 'bc')
  assert.deepEqual([...new Uint8Array(into[1]!.buffer)], [0, 'd'.charCodeAt(0), 0, 0])
  pieces.close()
})

test('a buffer that is gone takes no memory with it', () => {
  const pieces = new Pieces(false)
  const lender = new Lender(pieces)
  const first = pieces.take(8)
  pieces.giveBack(first)
  const gone = new Uint8Array(8)
  structuredClone(undefined, { transfer: [gone.buffer] })
  assert.throws(() => lender.toWrite(gone, 0, 8), code('ERR_INVALID_STATE'))
  assert.throws(() => lender.toWritev([new Uint8Array(8), gone]), code('ERR_INVALID_STATE'))
  assert.equal(pieces.take(8), first)
  pieces.close()
})
