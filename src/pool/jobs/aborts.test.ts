import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { Aborts, follow, unfollow } from './aborts.js'

test('every job of a signal is told, with the reason, in the order of watching', () => {
  const told: [number, unknown][] = []
  const aborts = new Aborts((job, reason) => told.push([job, reason]))
  const controller = new AbortController()
  for (const job of [5, -1, 3]) aborts.watch(job, controller.signal)
  aborts.watch(9, new AbortController().signal)
  aborts.forget(-1)
  controller.abort('why')
  assert.deepEqual(told, [
    [5, 'why'],
    [3, 'why'],
  ])
  assert.equal(aborts.signalOf(5), controller.signal)
  aborts.forget(5)
  assert.equal(aborts.signalOf(5), undefined)
  assert.equal(getEventListeners(controller.signal, 'abort').length, 1)
  aborts.forget(3)
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
})

test('a job that ends while others are told is told no more', () => {
  const told: number[] = []
  const aborts = new Aborts((job) => {
    told.push(job)
    aborts.forget(2)
  })
  const controller = new AbortController()
  aborts.watch(1, controller.signal)
  aborts.watch(2, controller.signal)
  controller.abort()
  assert.deepEqual(told, [1])
})

test('a signal has one listener, whoever follows it, and none when nobody does', () => {
  const told: string[] = []
  const { signal } = new AbortController()
  const followers = ['a', 'b'].map((name) => ({ handleEvent: () => void told.push(name) }))
  for (const follower of followers) follow(signal, follower)
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  signal.dispatchEvent(new Event('abort'))
  assert.deepEqual(told, ['a', 'b'])
  for (const follower of followers) unfollow(signal, follower)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})
