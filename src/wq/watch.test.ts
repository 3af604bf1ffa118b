/**
 * Who holds a record of io-wq, or its lock, as the writer check sees it: what the real owner and workers do passes, and
 * each write that is not the thread's own is caught.
 */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { cmpxchg, fetchOr, setStepHook, storeRelease, xchg } from '../lib/barrier.js'
import { writerHook } from '../lib/writers.js'
import {
  ACCT,
  HOLDER_OWNER,
  HOLDER_WORKER0,
  IO_WQ_WORK_CANCEL,
  ITEM,
  ITEM_CANCELED,
  ITEM_DONE,
  ITEM_QUEUED,
  ITEM_RUNNING,
  ITEM_SLOT_SHIFT,
  ITEM_TAKEN,
  WAKE_NO,
  WAKE_YES,
  WORKER,
  WORKER_IDLE,
  WORKER_NONE,
  WORKER_STARTING,
  WORKER_UP,
  WqMemory,
} from './layout.js'
import { lock, unlock } from './lock.js'
import { watchedTables } from './watch.js'

const SLOT = 1
const MINE = SLOT << ITEM_SLOT_SHIFT
const OTHERS = 2 << ITEM_SLOT_SHIFT
const ITEM0 = 3

afterEach(() => setStepHook(undefined))

/** Memory that this thread may write to as the owner, or as the worker in SLOT. */
function watch(isOwner: boolean) {
  const shape = { nrSlots: 3, nrQueues: 1, nrBuckets: 1, nrItems: 4, payloadBytes: 8, payloadHash: 0 }
  const mem = WqMemory.create(shape)
  const holder = isOwner ? HOLDER_OWNER : SLOT + HOLDER_WORKER0
  setStepHook(writerHook(isOwner ? 'owner' : 'worker', watchedTables(mem, holder)))
  const { words } = mem
  const state = mem.item(ITEM0) + (ITEM.at.state >> 2)
  const flags = mem.item(ITEM0) + (ITEM.at.flags >> 2)
  const lockWord = mem.acct(0) + (ACCT.at.lock >> 2)
  const worker = (slot: number, field: keyof typeof WORKER.at) => mem.worker(slot) + (WORKER.at[field] >> 2)
  const locked = (body: () => void) => {
    lock(words, lockWord, holder)
    body()
    unlock(words, lockWord)
  }
  return { mem, words, state, flags, worker, locked }
}

const caught = (body: () => void) => assert.throws(body, /may not/)

test('the life of an item passes', () => {
  const owner = watch(true)
  owner.locked(() => storeRelease(owner.words, owner.state, ITEM_QUEUED))
  owner.words[owner.state] = ITEM_TAKEN | MINE
  assert.equal(cmpxchg(owner.words, owner.state, ITEM_TAKEN | MINE, ITEM_CANCELED | MINE), ITEM_TAKEN | MINE)
  fetchOr(owner.words, owner.flags, IO_WQ_WORK_CANCEL)
  const worker = watch(false)
  worker.words[worker.state] = ITEM_QUEUED
  worker.locked(() => storeRelease(worker.words, worker.state, ITEM_TAKEN | MINE))
  cmpxchg(worker.words, worker.state, ITEM_TAKEN | MINE, ITEM_RUNNING | MINE)
  storeRelease(worker.words, worker.state, ITEM_DONE | MINE)
})

test('an item queued without the lock, or by a worker, is caught', () => {
  const owner = watch(true)
  caught(() => storeRelease(owner.words, owner.state, ITEM_QUEUED))
  const worker = watch(false)
  worker.locked(() => caught(() => storeRelease(worker.words, worker.state, ITEM_QUEUED)))
})

test('an item taken without the lock, that was not queued, or for another is caught', () => {
  const { words, state, locked } = watch(false)
  words[state] = ITEM_QUEUED
  caught(() => storeRelease(words, state, ITEM_TAKEN | MINE))
  locked(() => caught(() => storeRelease(words, state, ITEM_TAKEN | OTHERS)))
  words[state] = ITEM_DONE | MINE
  locked(() => caught(() => storeRelease(words, state, ITEM_TAKEN | MINE)))
})

test('an item begun or ended by a worker that has not got it is caught', () => {
  const { words, state } = watch(false)
  caught(() => cmpxchg(words, state, ITEM_TAKEN | OTHERS, ITEM_RUNNING | MINE))
  caught(() => storeRelease(words, state, ITEM_RUNNING | MINE))
  words[state] = ITEM_RUNNING | OTHERS
  caught(() => storeRelease(words, state, ITEM_DONE | MINE))
  words[state] = ITEM_CANCELED | MINE
  caught(() => storeRelease(words, state, ITEM_DONE | MINE))
})

test('an owner that ends what a worker runs, or cancels by a store, is caught', () => {
  const { words, state } = watch(true)
  words[state] = ITEM_RUNNING | MINE
  caught(() => storeRelease(words, state, ITEM_DONE))
  caught(() => cmpxchg(words, state, ITEM_RUNNING | MINE, ITEM_CANCELED | MINE))
  words[state] = ITEM_TAKEN | MINE
  caught(() => storeRelease(words, state, ITEM_CANCELED | MINE))
})

test('a worker that writes flags is caught', () => {
  const { words, flags } = watch(false)
  caught(() => fetchOr(words, flags, IO_WQ_WORK_CANCEL))
})

test('an account’s words without its lock, or under that of the other, are caught', () => {
  for (const isOwner of [true, false]) {
    const { mem, words, locked } = watch(isOwner)
    const stalled = (acct: number) => mem.acct(acct) + (ACCT.at.stalled >> 2)
    locked(() => storeRelease(words, stalled(0), 1))
    caught(() => storeRelease(words, stalled(0), 1))
    locked(() => caught(() => storeRelease(words, stalled(1), 1)))
  }
})

test('a worker’s record: its own, what the lock is for under it, and what the owner makes of it', () => {
  const { words, worker, locked } = watch(false)
  storeRelease(words, worker(SLOT, 'current'), 1)
  caught(() => storeRelease(words, worker(2, 'current'), 1))
  words[worker(SLOT, 'state')] = WORKER_STARTING
  xchg(words, worker(SLOT, 'state'), WORKER_UP)
  caught(() => storeRelease(words, worker(SLOT, 'state'), WORKER_IDLE))
  caught(() => storeRelease(words, worker(SLOT, 'state'), WORKER_NONE))
  caught(() => xchg(words, worker(2, 'state'), WORKER_UP))
  caught(() => storeRelease(words, worker(SLOT, 'blocked'), 1))
  caught(() => storeRelease(words, worker(2, 'spinning'), 1))
  locked(() => {
    storeRelease(words, worker(SLOT, 'state'), WORKER_IDLE)
    storeRelease(words, worker(2, 'state'), WORKER_UP)
    storeRelease(words, worker(SLOT, 'blocked'), 1)
    storeRelease(words, worker(SLOT, 'wake'), WAKE_NO)
    caught(() => storeRelease(words, worker(2, 'wake'), WAKE_NO))
  })
  caught(() => storeRelease(words, worker(SLOT, 'wake'), WAKE_NO))
  xchg(words, worker(2, 'wake'), WAKE_YES)
  const owner = watch(true)
  storeRelease(owner.words, owner.worker(SLOT, 'state'), WORKER_STARTING)
  storeRelease(owner.words, owner.worker(SLOT, 'spinning'), 0)
  caught(() => storeRelease(owner.words, owner.worker(SLOT, 'spinning'), 1))
  caught(() => storeRelease(owner.words, owner.worker(SLOT, 'current'), 1))
})
