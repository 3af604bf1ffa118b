import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HashTails } from '../../wq/hash-tails.js'
import { KeyTable } from './keys.js'

test('keys that are alive have buckets of their own', () => {
  const keys = new KeyTable(new HashTails(100))
  const object = {}
  const buckets = [1, '1', object, Number.NaN, Symbol.iterator].map((key) => keys.take(key))
  assert.equal(new Set(buckets).size, 5)
  assert.equal(keys.take(Number.NaN), buckets[3])
  assert.equal(keys.take(object), buckets[2])
})

test('a bucket is free when the last job of its key has ended', () => {
  const keys = new KeyTable(new HashTails(2))
  const a = keys.take('a')
  keys.take('a')
  const b = keys.take('b')
  keys.drop(a)
  assert.equal(keys.take('a'), a)
  keys.drop(a)
  keys.drop(a)
  assert.equal(keys.take('c'), a)
  keys.drop(b)
  assert.equal(keys.size, 1)
})
