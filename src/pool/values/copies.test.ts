import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copyBytes, privateCopy } from './copies.js'

/** Around the size from which bytes go another way, and well beyond. */
const SIZES = [0, 1, 7, 1535, 1536, 1537, 4096, 100_001, 1 << 20]
const GUARD = 16

const pattern = (length: number) => Uint8Array.from({ length }, (_, i) => 1 + (i % 251))

test('bytes of every size go where they belong in shared memory, and nowhere else', () => {
  for (const size of SIZES) {
    const shared = Buffer.from(new SharedArrayBuffer(size + 2 * GUARD))
    const bytes = pattern(size)
    copyBytes(bytes, shared, GUARD)
    assert.equal(Buffer.compare(shared.subarray(GUARD, GUARD + size), bytes), 0, `${size} bytes`)
    for (let i = 0; i < GUARD; i++) assert.equal(shared[i]! + shared[GUARD + size + i]!, 0, `around ${size} bytes`)
  }
})

test('part of a buffer is copied, not what lies about it', () => {
  const whole = pattern(10_000)
  const shared = Buffer.from(new SharedArrayBuffer(5000))
  copyBytes(whole.subarray(2000, 6000), shared, 500)
  assert.equal(Buffer.compare(shared.subarray(500, 4500), whole.subarray(2000, 6000)), 0)
  assert.equal(shared[499]! + shared[4500]!, 0)
})

test('a private copy stays as it is when the shared bytes change', () => {
  for (const size of SIZES) {
    const shared = Buffer.from(new SharedArrayBuffer(size))
    copyBytes(pattern(size), shared, 0)
    const copy = privateCopy(shared)
    shared.fill(0)
    assert.equal(copy.byteLength, size)
    assert.equal(Buffer.compare(new Uint8Array(copy), pattern(size)), 0, `${size} bytes`)
  }
})
