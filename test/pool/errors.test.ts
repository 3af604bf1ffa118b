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
  assert.match((await rejectionOf(pool.run('failHopelessly'))).message, /cannot be described/)
  assert.equal(pool.stats().died, 0)
})

test('what cannot cross is thrown as a text that says what it was', async () => {
  const thrown: unknown = await pool.run('throwInstance').catch((error: unknown) => error)
  assert.match(String(thrown), /^Refusal \{.*because: 'I say so'/s)
})

test('an error of the pool’s own has the frames that await it once', async () => {
  async function theCaller(): Promise<void> {
    await pool.run('die', [3])
  }
  const { stack } = await rejectionOf(theCaller())
  assert.equal(stack?.match(/at async theCaller/g)?.length, 1, stack)
})

test('a name that the module does not export', async () => {
  const run = pool.run as unknown as (name: string) => Promise<unknown>
  for (const name of ['nope', 'toString', 'HttpError2', '']) {
    const error = await rejectionOf(run.call(pool, name))
    assert.equal(error['code'], 'ERR_URING_NO_SUCH_JOB')
    assert.match(error.message, new RegExp(`'${name}'`))
  }
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

const ODD: readonly unknown[] = [
  null,
  5,
  Number.NaN,
  -1,
  'text',
  Symbol('s'),
  5n,
  true,
  {},
  () => {},
  Object.create(null),
]

test('options of jobs that are none are refused with a code, and nothing is queued', async () => {
  const refused = async (options: unknown) => {
    for (const give of [
      async () => pool.run('add', [1, 2], options as object),
      async () => pool.runSync('add', [1, 2], options as object),
      async () => pool.iterate('count' as never, [1] as never, options as object).next(),
      async () => pool.map([1], 'echo', options as object).next(),
    ]) {
      // runSync knows no signal, and map no transfer.
      assert.match(String((await rejectionOf(give()))['code']), /^ERR_(INVALID_ARG_(TYPE|VALUE)|OUT_OF_RANGE)$/)
      assert.equal(pool.stats().inFlight, 0)
    }
  }
  for (const options of ODD.filter((value) => typeof value !== 'object' || value === null)) await refused(options)
  const right: Record<string, (value: unknown) => boolean> = {
    signal: () => false,
    transfer: () => false,
    onProgress: (value) => typeof value === 'function',
    unbounded: (value) => typeof value === 'boolean',
    timeout: (value) => value === 5,
    priority: (value) => value === 5 || value === -1,
  }
  for (const [name, isRight] of Object.entries(right)) {
    for (const value of ODD) if (!isRight(value)) await refused({ [name]: value })
  }
  assert.equal(await pool.run('add', [1, 2]), 3)
})

test('options of a pool that are none are refused with a code', () => {
  const refused = (options: unknown) => {
    const code = /^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/
    assert.throws(() => new Pool(new URL('./jobs.js', import.meta.url), options as object), { code })
  }
  for (const options of ODD.filter((value) => typeof value !== 'object' || value === null)) refused(options)
  const right: Record<string, (value: unknown) => boolean> = {
    maxWorkers: (value) => value === 5,
    maxUnbounded: (value) => value === 5,
    minWorkers: () => false,
    idleTimeoutMs: (value) => value === 5,
    spinUs: (value) => value === 5,
    concurrentJobs: (value) => value === 5,
    queueLimit: (value) => value === 5,
    histograms: (value) => typeof value === 'boolean',
    name: (value) => typeof value === 'string',
    keys: () => false,
    asyncContext: (value) => typeof value === 'object' && value !== null,
  }
  for (const [name, isRight] of Object.entries(right)) {
    for (const value of ODD) if (!isRight(value)) refused({ [name]: value })
  }
  refused({ maxWorkers: 1e9 })
  refused({ asyncContext: { request: {} } })
  refused({ keys: [] })
})

test('what is asked of a pool with things that are no arguments', async () => {
  await using other = new Pool(new URL('./jobs.js', import.meta.url), { maxWorkers: 1 })
  for (const odd of ODD.filter((value) => typeof value !== 'object' || value === null)) {
    const code = /^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/
    const limit = odd as { timeout: number }
    await assert.rejects(other.flush(limit), { code })
    await assert.rejects(other.close(limit), { code })
    assert.throws(() => other.cancel(1, odd as object), { code })
    if (odd !== 5) await assert.rejects(other.destroy(odd as number), { code })
    if (odd !== 5) assert.throws(() => other.maxWorkers(odd as number, 0), { code })
  }
  assert.equal(await other.run('add', [1, 2]), 3)
})

test('a grace without end is none of a millisecond', async (t) => {
  const warned = t.mock.method(process, 'emitWarning', () => {})
  const other = new Pool(new URL('./jobs.js', import.meta.url), { maxWorkers: 1 })
  await other.destroy(Number.POSITIVE_INFINITY)
  assert.equal(warned.mock.callCount(), 0)
})

test('a relative path is refused, and the message says what to give', () => {
  assert.throws(() => new Pool('./jobs.js'), { code: 'ERR_INVALID_ARG_VALUE', message: /import\.meta\.resolve/ })
})

test('what no worker can get is refused by the pool, not by each job', () => {
  const refused = (options: object, code: string, message: RegExp) =>
    assert.throws(
      () => new Pool(new URL('./jobs.js', import.meta.url), options),
      (error: Error & { code: unknown }) => {
        assert.match(error.message, message)
        return error.code === code
      },
    )
  const wrong = 'ERR_INVALID_ARG_TYPE'
  refused({ env: 5 }, wrong, /^env is an object, or SHARE_ENV/)
  refused({ env: ['A=1'] }, wrong, /^env is/)
  refused({ env: { A: Symbol('a') } }, wrong, /^env\.A is a string/)
  refused({ argv: 'text' }, wrong, /^argv is an array/)
  refused({ argv: [Symbol('a')] }, wrong, /^argv\[0\] is a string/)
  refused({ execArgv: {} }, wrong, /^execArgv is an array/)
  refused({ stdout: 1 }, wrong, /^stdout is true or false/)
  refused({ stderr: 'yes' }, wrong, /^stderr is true or false/)
  refused({ resourceLimits: 5 }, wrong, /options\.resourceLimits/)
  refused({ resourceLimits: { stackSizeMb: '4' } }, wrong, /^resourceLimits\.stackSizeMb is a number/)
  refused({ resourceLimits: { stackSize: 4 } }, 'ERR_INVALID_ARG_VALUE', /did you mean 'stackSizeMb'/)
  refused({ workerData: () => {} }, 25 as unknown as string, /could not be cloned/)
  refused({ workerData: { deep: Symbol('s') } }, 25 as unknown as string, /could not be cloned/)
})

test('what each worker gets is taken as the pool is made', async () => {
  const [env, argv]: [Record<string, string>, string[]] = [{ A: '1' }, ['a']]
  await using other = new Pool(new URL('./jobs.js', import.meta.url), { maxWorkers: 1, env, argv })
  env['A'] = '2'
  argv[0] = 'b'
  assert.deepEqual(await other.run('started'), ['1', ['a']])
})

const lib = new URL('../../lib/pool.js', import.meta.url).href
const { Pool: Shipped } = (await import(lib)) as { Pool: typeof Pool }

for (const name of ['fail', 'failLater', 'failOddly'] as const) {
  test(`as shipped, a stack has the job’s frames and the caller’s, and none of the package: ${name}`, async () => {
    await using shipped = new Shipped<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), {
      maxWorkers: 1,
    })
    async function theCaller(): Promise<void> {
      await shipped.run(name)
    }
    for (let i = 0; i < 2; i++) {
      const { stack } = await rejectionOf(theCaller())
      const frames = stack!.split('\n').filter((line) => line.startsWith('    at '))
      assert.match(frames[0]!, /jobs/)
      assert.match(frames.at(-1)!, /test/)
      assert.ok(frames.some((line) => /at async theCaller/.test(line)))
      for (const frame of frames) assert.doesNotMatch(frame, /dist[\\/]lib|src[\\/]pool|node:async_hooks/, stack!)
    }
  })
}

type AnyPool = Pool<typeof import('./jobs.js')>
/** How a pool itself rejects, by what; `theCaller` is to be among the frames. */
const OWN: Readonly<Record<string, { code: string; run(pool: AnyPool): Promise<unknown> }>> = {
  'the queue is full': {
    code: 'ERR_URING_QUEUE_FULL',
    run: (pool) => {
      void pool.run('noop').catch(() => {})
      return pool.run('noop')
    },
  },
  'a signal that had aborted': {
    code: 'ABORT_ERR',
    run: (pool) => pool.run('noop', [], { signal: AbortSignal.abort() }),
  },
  'a job is cancelled': {
    code: 'ABORT_ERR',
    run: (pool) => {
      const job = pool.run('noop', [], { id: 1 })
      pool.cancel(1)
      return job
    },
  },
  'a time is over': { code: 'ERR_URING_TIMEOUT', run: (pool) => pool.run('throwWhenAborted', [HELD], { timeout: 1 }) },
  'an option is none': { code: 'ERR_OUT_OF_RANGE', run: (pool) => pool.run('noop', [], { timeout: -1 }) },
  'a wait for all is over': {
    code: 'ERR_URING_TIMEOUT',
    run: (pool) => {
      void pool.run('throwWhenAborted', [HELD], { id: 1 }).catch(() => {})
      return pool.flush({ timeout: 1 }).finally(() => pool.cancel(1))
    },
  },
  'the pool is destroyed': {
    code: 'ERR_URING_POOL_CLOSED',
    run: (pool) => {
      const job = pool.run('noop')
      void pool.destroy()
      return job
    },
  },
  'the pool is closed': {
    code: 'ERR_URING_POOL_CLOSED',
    run: (pool) => {
      void pool.close()
      return pool.run('noop')
    },
  },
  'room in a closed pool': {
    code: 'ERR_URING_POOL_CLOSED',
    run: (pool) => {
      void pool.close()
      return pool.ready()
    },
  },
  'a caller that sleeps': {
    code: 'ERR_URING_POOL_CLOSED',
    run: async function theCaller(pool) {
      void pool.close()
      pool.runSync('noop')
    },
  },
}
const HELD = new Int32Array(new SharedArrayBuffer(8))

for (const [what, { code, run }] of Object.entries(OWN)) {
  test(`as shipped, an error of the pool’s own has the caller’s frames, and none of the package: ${what}`, async () => {
    const shipped = new Shipped<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), {
      maxWorkers: 1,
      queueLimit: 1,
    })
    async function theCaller(): Promise<void> {
      await run(shipped)
    }
    const error = await rejectionOf(theCaller())
    assert.equal(error['code'], code)
    const frames = error.stack!.split('\n').filter((line) => line.startsWith('    at '))
    assert.ok(
      frames.some((line) => /theCaller/.test(line)),
      error.stack,
    )
    for (const frame of frames) assert.doesNotMatch(frame, /dist[\\/]lib|src[\\/]pool/, error.stack!)
    await shipped.destroy()
  })
}
