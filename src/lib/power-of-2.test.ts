import assert from 'node:assert/strict'
import { test } from 'node:test'
import { roundUpPow2 } from './power-of-2.js'

test('a size becomes the next power of two, unless it is one', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 1000, 32_768, 32_769].map(roundUpPow2), [1, 1, 2, 4, 4, 8, 1024, 32_768, 65_536])
  assert.equal(roundUpPow2(2 ** 31 + 1), 2 ** 32)
})
