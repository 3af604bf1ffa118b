import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { isPlainData, viewType } from './shape.js'

/** A buffer whose length may change, which lib.es2023 does not know. */
function resizable(): ArrayBuffer {
  return Reflect.construct(ArrayBuffer, [1, { maxByteLength: 2 }]) as ArrayBuffer
}

test('plain data is plain however deep', () => {
  const cycle: unknown[] = []
  cycle.push(cycle)
  for (const value of [1, 'x', null, 5n, cycle, new Map([[1, new Set([{ a: [new Date()] }])]]), new Error('x'), /x/]) {
    assert.equal(isPlainData(value), true)
  }
})

test('one thing that is not plain makes all of it so', () => {
  const others = [
    () => {},
    Symbol('s'),
    new (class {})(),
    new Blob([]),
    new URL('http://a'),
    new SharedArrayBuffer(1),
    new Uint8Array(new SharedArrayBuffer(1)),
    resizable(),
    runInNewContext('({})'),
    Promise.resolve(),
    Object.assign([1], { blob: new Blob([]) }),
    new WeakMap(),
  ]
  for (const other of others) {
    assert.equal(isPlainData({ deep: [new Map([['key', other]])] }), false)
    assert.equal(isPlainData(new Set([[other]])), false)
  }
})

test('deeper than the stack allows is not plain', () => {
  let list: unknown
  for (let i = 0; i < 100_000; i++) list = { list }
  assert.equal(isPlainData(list), false)
})

test('a view of a subclass, or of a buffer that may shrink, has no number', () => {
  assert.ok(viewType(Buffer.alloc(1)) !== viewType(new Uint8Array(1)))
  assert.equal(viewType(new (class extends Uint8Array {})(1)), -1)
  assert.equal(viewType(new Uint8Array(resizable())), -1)
})
