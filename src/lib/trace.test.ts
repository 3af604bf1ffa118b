/**
 * Trace events: who hears them.
 */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { setTraceListener, trace } from './trace.js'

afterEach(() => {
  setTraceListener(undefined)
})

test('a listener gets the event and its two numbers', () => {
  const heard: unknown[] = []
  setTraceListener((...event) => heard.push(event))
  trace('submit_req', 1, 2)
  trace('complete', 3, -4)
  assert.deepEqual(heard, [
    ['submit_req', 1, 2],
    ['complete', 3, -4],
  ])
})

test('an event that nobody listens to is nothing', () => {
  trace('cancel', 0, 0)
})

test('setting a listener returns the one before', () => {
  const first = () => {}
  assert.equal(setTraceListener(first), undefined)
  assert.equal(setTraceListener(undefined), first)
})

test('a removed listener hears nothing', () => {
  setTraceListener(() => assert.fail('still listening'))
  setTraceListener(undefined)
  trace('issue', 0, 0)
})
