import assert from 'node:assert/strict'
import { test } from 'node:test'
import { abortError, poolError, rejection, rejectionOf } from './failure.js'
import { isPlainData } from './shape.js'
import { describe, rebuild } from './thrown.js'

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

test('causes and lists keep identity, whatever refers to what', () => {
  const errors = Array.from({ length: 40 }, (_, i) => new Error(`e${i}`))
  const all = new AggregateError(errors, 'all')
  for (const error of errors) error.cause = all
  const got = cross(all) as AggregateError
  assert.equal(got.errors.length, 40)
  assert.ok((got.errors as Error[]).every((error, i) => error.message === `e${i}` && error.cause === got))
})

test('chains and lists of any length; beyond ten thousand errors it is said how many are left out', () => {
  let chain: unknown = 'end'
  for (let i = 0; i < 5000; i++) chain = new Error(`${i}`, { cause: chain })
  let depth = 0
  for (let at = cross(chain) as Error; at instanceof Error; at = at.cause as Error) depth++
  assert.equal(depth, 5000)
  const many = cross(new AggregateError(Array.from({ length: 12_000 }, () => new Error('one')))) as AggregateError
  assert.equal(many.errors.length, 10_000)
  assert.equal(many.errors.at(-1), '2001 more errors, left out')
})

test('of properties is kept what can be, and said what could not', () => {
  class Field {
    readonly field = 'name'
    readonly check = () => true
  }
  const inner = Object.assign(new RangeError('inner'), { code: 'E_INNER' })
  const error = Object.assign(new Error('outer'), {
    config: { url: 'http://x', transform: [(d: unknown) => d, 5] },
    fields: [new Field()],
    errors: [inner],
    again: { inner },
    toString: 'mine',
  })
  Object.defineProperty(error, 'lazy', {
    enumerable: true,
    get() {
      throw new Error('getter')
    },
  })
  const got = cross(error) as typeof error & { omitted: string[] }
  assert.equal(got.message, 'outer')
  assert.deepEqual(got.config.url, 'http://x')
  assert.equal(got.config.transform[1], 5)
  assert.deepEqual(got.fields, [{ field: 'name' }])
  assert.ok(got.errors[0] instanceof RangeError)
  assert.equal(got.errors[0].code, 'E_INNER')
  assert.equal(got.again.inner, got.errors[0])
  assert.equal(got.toString, 'mine')
  assert.deepEqual(got.omitted, ['config.transform.0', 'fields.0.check', 'lazy'])
})

test('a message that cannot be read costs nothing but itself', () => {
  const error = Object.defineProperty(Object.assign(new TypeError('x'), { code: 'E' }), 'message', {
    get() {
      throw new Error('no')
    },
  })
  const got = cross(error) as Error & { code: string }
  assert.deepEqual([got.message, got.code, got instanceof TypeError], ['its message cannot be described', 'E', true])
})

test('an AggregateError may have lost its list', () => {
  const error = Object.assign(new AggregateError([], 'text'), { errors: 5 })
  assert.deepEqual((cross(error) as AggregateError).message, 'text')
})

test('the stack ends where the worker’s machinery begins', () => {
  const error = new Error('x')
  error.stack =
    'Error: x\n    at job (file:///jobs.js:1:1)\n    at call (file:///pool/worker/run-job.js:5:5)\n    at y (z:1:1)'
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
