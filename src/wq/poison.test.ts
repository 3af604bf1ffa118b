/**
 * A use of a record after it was given back is caught, in test builds.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VERIFY } from '../lib/assert.js'
import { ITEM, WqMemory } from './layout.js'
import { itemSlab, POISON, PoisonedSlab } from './poison.js'

const PAYLOAD_WORDS = 8

function stand() {
  const shape = { nrSlots: 1, nrQueues: 1, nrBuckets: 1, nrItems: 4, payloadHash: 0 }
  const mem = WqMemory.create({ ...shape, payloadBytes: PAYLOAD_WORDS * 4 })
  return { mem, slab: new PoisonedSlab(mem) }
}

test('a record comes clean, the first time and each time after', () => {
  const { mem, slab } = stand()
  for (let round = 0; round < 3; round++) {
    const item = slab.alloc()
    const p = mem.payload(item)
    assert.deepEqual([...mem.words.subarray(p, p + PAYLOAD_WORDS)], new Array(PAYLOAD_WORDS).fill(0))
    mem.words.fill(7, p, p + PAYLOAD_WORDS)
    slab.free(item)
  }
})

test('what is read of a free record is poison, and its neighbours and the item’s own words are not', () => {
  const { mem, slab } = stand()
  const [item, other] = [slab.alloc(), slab.alloc()]
  mem.words[mem.payload(other)] = 5
  mem.words[mem.item(item) + (ITEM.at.seq >> 2)] = 6
  slab.free(item)
  for (let word = 0; word < PAYLOAD_WORDS; word++) assert.equal(mem.words[mem.payload(item) + word], POISON)
  assert.equal(mem.words[mem.payload(other)], 5)
  assert.equal(mem.words[mem.item(item) + (ITEM.at.seq >> 2)], 6)
})

test('a write to a free record is caught as it is used again', () => {
  for (let word = 0; word < PAYLOAD_WORDS; word++) {
    const { mem, slab } = stand()
    const item = slab.alloc()
    slab.free(item)
    mem.words[mem.payload(item) + word] = 1
    assert.throws(() => slab.alloc(), new RegExp(`left alone while it is free: word ${word} of its payload is 1`))
  }
})

test('a record that is given back twice is caught, whatever else is in use', () => {
  const { slab } = stand()
  const [item] = [slab.alloc(), slab.alloc()]
  slab.free(item)
  assert.throws(() => slab.free(item), /is given back once/)
})

test('test builds poison, and others do not', () => {
  assert.equal(itemSlab(stand().mem) instanceof PoisonedSlab, VERIFY)
})
