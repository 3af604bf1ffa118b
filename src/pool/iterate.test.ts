/**
 * What an iteration tells the worker and the process of its room, and what is left when it is over. Main thread; the job is
 * a stand-in.
 */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { JobIterator } from './iterate.js'
import type { Listener } from './jobs/waiting.js'

function iteration(window: number, signal?: AbortSignal) {
  const told: string[] = []
  let listener: Listener | undefined
  let end: (value: unknown) => void = () => {}
  const iterator = new JobIterator({
    window,
    signal,
    onProgress: undefined,
    start(from) {
      listener = from
      return new Promise((resolve) => (end = resolve))
    },
    giveRoom: (slot, room) => told.push(`${slot} may yield ${room}`),
    onPaused: (isPaused) => told.push(isPaused ? 'paused' : 'goes on'),
  })
  return { told, iterator, yields: (...values: unknown[]) => listener?.onValues?.(values, 7), end }
}

test('a generator without room is paused, and goes on when values were taken', async () => {
  const { told, iterator, yields, end } = iteration(4)
  yields('a', 'b', 'c')
  assert.deepEqual(told, [])
  yields('d')
  // Nobody waits for what it does next: it does nothing.
  assert.deepEqual(told.splice(0), ['paused'])
  assert.equal((await iterator.next()).value, 'a')
  assert.deepEqual(told, [])
  assert.equal((await iterator.next()).value, 'b')
  assert.deepEqual(told.splice(0), ['7 may yield 2', 'goes on'])
  yields('e')
  assert.deepEqual(told, [])
  yields('f')
  assert.deepEqual(told.splice(0), ['paused'])
  end([true, 'whole'])
  for (const value of ['c', 'd', 'e', 'f', 'whole']) assert.equal((await iterator.next()).value, value)
  // That it is over is all that the process has to know.
  assert.deepEqual(told, ['goes on'])
})

test('one that is awaited is not paused, though it has no room', async () => {
  const { told, iterator, yields, end } = iteration(1)
  const first = iterator.next()
  yields('a')
  assert.equal((await first).value, 'a')
  const [second, third] = [iterator.next(), iterator.next()]
  yields('b')
  assert.equal((await second).value, 'b')
  assert.deepEqual(told, ['7 may yield 1', '7 may yield 1'])
  end([true, undefined])
  assert.deepEqual(await third, { done: true, value: undefined })
})

test('the signal of an iteration is listened to until it is over', async () => {
  const controller = new AbortController()
  const { iterator, end } = iteration(1, controller.signal)
  assert.equal(getEventListeners(controller.signal, 'abort').length, 1)
  const first = iterator.next()
  end([true, 1])
  assert.deepEqual(await first, { done: true, value: 1 })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
})
