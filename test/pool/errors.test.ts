/** What a job throws, as its caller sees it. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'
import { rejectionOf } from './gate.js'

const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), { maxWorkers: 1 })
after(() => pool.close())

for (const name of ['fail', 'failLater'] as const) {
  test(`${name}: class, name, message, code, own properties and cause are kept`, async () => {
    const error = await rejectionOf(pool.run(name))
    assert.ok(error instanceof TypeError)
    assert.equal(error.name, 'HttpError')
    assert.equal(error.message, 'no luck')
    const { code, status, detail } = error
    assert.deepEqual({ code, status, detail }, { code: 'E_LUCK', status: 503, detail: { tries: 3 } })
    const cause = error.cause as Error & { code: string }
    assert.ok(cause instanceof RangeError)
    assert.deepEqual([cause.message, cause.code], ['too far', 'E_FAR'])
    assert.deepEqual(Object.keys(error).sort(), ['code', 'detail', 'status'])
  })
}

test('the stack is the job’s, then the caller’s', async () => {
  async function theCaller(): Promise<void> {
    await pool.run('fail')
  }
  const { stack } = await rejectionOf(theCaller())
  const lines = stack!.split('\n').filter((line) => line.startsWith('    at '))
  assert.match(lines[0]!, /fail.*jobs/)
  assert.ok(lines.some((line) => /at async theCaller/.test(line)))
  assert.ok(!stack!.includes('run-job'), stack)
})

test('what is thrown need not be an error', async () => {
  for (const value of ['text', 5, null, undefined, { a: [1] }]) {
    let thrown: unknown = 'nothing'
    await pool.run('throwValue', [value]).catch((error: unknown) => {
      thrown = error
    })
    assert.deepEqual(thrown, value)
  }
})

test('an AggregateError keeps its errors; what cannot cross is left out', async () => {
  const error = (await rejectionOf(pool.run('failOddly'))) as unknown as AggregateError & Record<string, unknown>
  assert.ok(error instanceof AggregateError)
  assert.deepEqual(
    error.errors.map((e: unknown) => (e instanceof Error ? e.message : e)),
    ['one', 2],
  )
  assert.equal(error['fine'], 1)
  assert.ok(!('callback' in error))
})

test('a DOMException is one', async () => {
  const error = await rejectionOf(pool.run('failAsDom'))
  assert.ok((error as unknown) instanceof DOMException)
  assert.equal(error.name, 'NotFoundError')
})

test('an error that cannot be described fails the job all the same', async () => {
  assert.match((await rejectionOf(pool.run('failWithGetter'))).message, /cannot be described/)
})

test('a name that the module does not export', async () => {
  const run = pool.run as unknown as (name: string) => Promise<unknown>
  for (const name of ['nope', 'toString', 'HttpError2', '']) {
    const error = await rejectionOf(run.call(pool, name))
    assert.equal(error['code'], 'ERR_URING_NO_SUCH_JOB')
    assert.match(error.message, new RegExp(`'${name}'`))
  }
})

test('more names than a pool takes', async () => {
  await using other = new Pool(new URL('./jobs.js', import.meta.url), { maxWorkers: 1 })
  const codes = new Set<unknown>()
  for (let i = 0; i < 1100; i++) codes.add((await rejectionOf(other.run(`name${i}`)))['code'])
  assert.deepEqual([...codes], ['ERR_URING_NO_SUCH_JOB'])
})

test('a module that does not load', async () => {
  await using other = new Pool(new URL('./no-such-module.js', import.meta.url), { maxWorkers: 1 })
  const error = await rejectionOf(other.run('noop'))
  assert.equal(error['code'], 'ERR_URING_JOBS_MODULE')
  assert.match(error.message, /no-such-module/)
  assert.equal((error.cause as { code: string }).code, 'ERR_MODULE_NOT_FOUND')
})

test('arguments that are no array, and a module that is no URL', async () => {
  const run = pool.run as unknown as (name: string, args: unknown) => Promise<unknown>
  assert.equal((await rejectionOf(run.call(pool, 'echo', 'text')))['code'], 'ERR_INVALID_ARG_TYPE')
  assert.throws(() => new Pool(5 as unknown as string), { code: 'ERR_INVALID_ARG_TYPE' })
})
