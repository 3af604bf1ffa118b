import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Heap, type Heaped } from './heap.js'

interface Member extends Heaped {
  readonly value: number
}

/** Numbers that look random, the same each time. */
function numbers(count: number): number[] {
  let x = 12345
  return Array.from({ length: count }, () => {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fff_ffff
    return x >> 16
  })
}

function drain(heap: Heap<Member>): number[] {
  const out: number[] = []
  for (let first = heap.first; first !== undefined; first = heap.first) {
    heap.remove(first)
    assert.equal(first.heapAt, -1)
    out.push(first.value)
  }
  return out
}

test('members come out in order, whatever left from the middle', () => {
  const heap = new Heap<Member>((a, b) => a.value < b.value)
  const members = numbers(2000).map((value) => ({ value, heapAt: -1 }))
  for (const member of members) heap.push(member)
  const left = members.filter((member, i) => {
    if (i % 3 !== 0) return true
    heap.remove(member)
    heap.remove(member)
    return false
  })
  assert.equal(heap.size, left.length)
  const expected = left.map(({ value }) => value).sort((a, b) => a - b)
  assert.deepEqual(drain(heap), expected)
  assert.equal(heap.first, undefined)
})

test('one member', () => {
  const heap = new Heap<Member>((a, b) => a.value < b.value)
  const only = { value: 1, heapAt: -1 }
  heap.push(only)
  heap.remove(only)
  assert.equal(heap.size, 0)
})
