import assert from 'node:assert/strict'
import { test } from 'node:test'
import { abortError, describe, poolError, rebuild, rejection, rejectionOf } from './failure.js'
import { isPlainData } from './shape.js'

function cross(error: unknown): unknown {
  const failure = describe(error)
  assert.ok(isPlainData(failure))
  return rebuild(structuredClone(failure))
}

test('an error is what it was on the other side', () => {
  class MyError extends RangeError {
    override name = 'MyError'
  }
  const error = Object.assign(new MyError('text', { cause: 'why' }), { code: 'E_MINE', list: [1] })
  const got = cross(error) as typeof error
  assert.ok(got instanceof RangeError)
  assert.deepEqual([got.name, got.message, got.cause, got.code, got.list], ['MyError', 'text', 'why', 'E_MINE', [1]])
  assert.equal(String(got), 'MyError: text')
  assert.deepEqual(Object.keys(got).sort(), ['code', 'list'])
})

test('causes are followed, but not without end', () => {
  const error: Error = new Error('a')
  error.cause = error
  assert.ok(cross(error) instanceof Error)
})

test('an AggregateError may have lost its list', () => {
  const error = Object.assign(new AggregateError([], 'text'), { errors: 5 })
  assert.deepEqual((cross(error) as AggregateError).message, 'text')
})

test('the stack ends where the worker’s machinery begins', () => {
  const error = new Error('x')
  error.stack =
    'Error: x\n    at job (file:///jobs.js:1:1)\n    at call (file:///pool/run-job.js:5:5)\n    at y (z:1:1)'
  assert.equal((cross(error) as Error).stack, 'Error: x\n    at job (file:///jobs.js:1:1)')
})

test('an AbortError and the pool’s own errors', () => {
  const abort = abortError('reason') as Error & { code: string }
  assert.deepEqual([abort.name, abort.code, abort.cause], ['AbortError', 'ABORT_ERR', 'reason'])
  const own = poolError('ERR_INVALID_ARG_TYPE', 'text') as Error & { code: string }
  assert.ok(own instanceof TypeError)
  assert.equal(own.code, 'ERR_INVALID_ARG_TYPE')
})

test('a rejection names who awaits it', async () => {
  const waits = async () => {
    await new Promise((resolve) => {
      resolve(rejection(() => new Error('late')))
    })
  }
  const error = (await waits().catch((e: unknown) => e)) as Error
  assert.match(error.stack!, /at async waits/)
})

test('so does one with what a job threw, behind the stack that it had there', async () => {
  const thrown = new TypeError('there')
  thrown.stack = 'TypeError: there\n    at job (file:///jobs.js:1:1)'
  const waits = async () => {
    await new Promise((resolve) => {
      resolve(rejectionOf(describe(thrown)))
    })
  }
  const error = (await waits().catch((e: unknown) => e)) as Error
  assert.match(error.stack!, /^TypeError: there\n {4}at job \(file:\/\/\/jobs.js:1:1\)\n {4}at async waits/)
})
