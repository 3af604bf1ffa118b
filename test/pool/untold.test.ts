/** What went wrong in a thread while no job was there to be told: listeners of `error` hear of it, or the process. */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { test } from 'node:test'
import { NodePools } from '../../src/pool/node-pools.js'
import { Pool, type PoolOptions } from '../../src/pool/pool.js'
import { rejectionOf, sharedWords, until } from './gate.js'

type Jobs = typeof import('./untold-jobs.js')
type Told = Error & { code?: string; cause?: Error & { code?: string } }
const url = new URL('./untold-jobs.js', import.meta.url)
const lib = (name: string) => new URL(`../../lib/${name}.js`, import.meta.url).href
const { Pool: Shipped } = (await import(lib('pool'))) as { Pool: typeof Pool }
const make = (options: PoolOptions = {}, PoolOf = Pool) => new PoolOf<Jobs>(url, { maxWorkers: 1, ...options })

const warnings: (Error & { code?: string; detail?: string })[] = []
process.on('warning', (warning) => warnings.push(warning))

interface Case {
  readonly options?: PoolOptions
  readonly act: (pool: Pool<Jobs>) => Promise<unknown>
  readonly code: string
  readonly message: RegExp
  /** In the stack, where there is one. */
  readonly frames?: RegExp
  readonly cause?: { readonly name: string; readonly code?: string }
}

const DIED = 'ERR_URING_WORKER_DIED'
const CASES: Readonly<Record<string, Case>> = {
  'an error': {
    act: (pool) => pool.run('throwsLater'),
    code: DIED,
    message: /with nothing to do \(late\)/,
    frames: /at .*inTheWorker.*untold-jobs/,
    cause: { name: 'RangeError', code: 'E_LATE' },
  },
  'a rejection that nobody handles': {
    act: (pool) => pool.run('rejectsLater'),
    code: DIED,
    message: /\(floating\)/,
    frames: /untold-jobs/,
    cause: { name: 'Error' },
  },
  'what is thrown is no error': {
    act: (pool) => pool.run('throwsTextLater'),
    code: DIED,
    message: /no error/,
  },
  'its exit': { act: (pool) => pool.run('exitsLater', [7]), code: DIED, message: /\(exit code 7\)/ },
  'its exit, as if all were well': {
    act: (pool) => pool.run('exitsLater', [0]),
    code: DIED,
    message: /\(exit code 0\)/,
  },
  'no memory is left': {
    options: { resourceLimits: { maxOldGenerationSizeMb: 16 } },
    act: (pool) => pool.run('eatsLater'),
    code: DIED,
    message: /memory/,
    cause: { name: 'Error', code: 'ERR_WORKER_OUT_OF_MEMORY' },
  },
  'a teardown that fails': {
    options: { teardown: 'closesBadly' },
    act: async (pool) => {
      await pool.run('fine')
      await pool.recycle()
    },
    code: 'ERR_URING_TEARDOWN',
    message: /'closesBadly', .* failed: TypeError: it will not close/,
    frames: /closesBadly.*untold-jobs/,
    cause: { name: 'TypeError', code: 'E_CLOSE' },
  },
  'an error beside a teardown': {
    options: { teardown: 'throwsAsItLeaves' },
    act: async (pool) => {
      await pool.run('fine')
      await pool.recycle()
    },
    code: DIED,
    message: /failed as it left \(in the doorway\)/,
    frames: /untold-jobs/,
    cause: { name: 'Error' },
  },
  'a thread that is to be there, and does not come up': {
    options: { minWorkers: 1, execArgv: ['--import', 'data:text/javascript,process.exit(9)'] },
    act: async () => {},
    code: DIED,
    message: /no worker can be started: .*exit code 9/,
  },
}

for (const [pack, PoolOf] of Object.entries({ built: Pool, shipped: Shipped })) {
  for (const [name, { options, act, code, message, frames, cause }] of Object.entries(CASES)) {
    test(`${name}: heard by who listens, else a process warning (${pack})`, async () => {
      warnings.length = 0
      const heard: Told[] = []
      const pools = [make(options, PoolOf).on('error', (error) => heard.push(error as Told)), make(options, PoolOf)]
      await Promise.all(pools.map(act))
      await until(() => heard.length > 0 && warnings.length > 0, 'it is told')
      await Promise.all(pools.map((pool) => pool.destroy()))
      assert.deepEqual([heard.length, warnings.length], [1, 1])
      const [told] = heard
      const [warning] = warnings
      assert.deepEqual([told?.code, warning?.name, warning?.code], [code, 'UringPoolWarning', code])
      assert.match(told?.message ?? '', message)
      assert.equal(warning?.message, told?.message)
      if (frames !== undefined) assert.match(told?.stack ?? '', frames)
      if (frames !== undefined) assert.match(warning?.detail ?? '', frames)
      // No frame of who only passed it on.
      assert.doesNotMatch(`${told?.stack}${warning?.detail}`, /crew|threads\.ts|lib.pool|internal.worker/)
      if (cause !== undefined) assert.equal(told?.cause?.name, cause.name)
      if (cause?.code !== undefined) assert.equal(told?.cause?.code, cause.code)
    })
  }
}

test('nobody is told what a job was told, or what was meant', async () => {
  warnings.length = 0
  const pool = make({ maxWorkers: 2, maxJobsPerWorker: 5, idleTimeoutMs: 1 })
  const words = sharedWords(1)
  assert.equal((await rejectionOf(pool.run('dies')))['code'], DIED)
  assert.equal((await rejectionOf(pool.run('diesLater')))['code'], DIED)
  for (let i = 0; i < 20; i++) await pool.run('fine')
  const hung = rejectionOf(pool.run('hangs', [words], { id: 1 }))
  await until(() => pool.kill(1) === 1, 'it hangs')
  await hung
  const late = await rejectionOf(pool.run('hangs', [words], { timeout: 50, kill: true }))
  assert.equal(late['code'], 'ERR_URING_TIMEOUT')
  await pool.recycle()
  const still = rejectionOf(pool.run('hangs', [words]))
  await pool.destroy(0)
  await still
  const closed = make({ minWorkers: 1 })
  await closed.destroy(0)
  await new Promise(setImmediate)
  assert.deepEqual(warnings, [])
})

test('a thread that cannot be started is told to the jobs that wait for it, or else once', async () => {
  const heard: Error[] = []
  const execArgv = ['--import', 'data:text/javascript,process.exit(9)']
  const pool = make({ minWorkers: 1, execArgv }).on('error', (error) => heard.push(error))
  await until(() => heard.length === 1, 'it is told')
  for (let i = 0; i < 3; i++) assert.equal((await rejectionOf(pool.run('fine')))['code'], DIED)
  await pool.close()
  assert.equal(heard.length, 1)
})

test('listeners: as those of an EventEmitter, each in its own context', async () => {
  const who = new AsyncLocalStorage<string>()
  const heard: unknown[] = []
  const pool = make()
  const twice = () => heard.push(['twice', who.getStore()])
  const never = () => heard.push('never')
  who.run('ann', () => pool.on('error', twice).on('error', twice))
  who.run('bob', () => pool.once('error', () => heard.push(['once', who.getStore()])))
  pool
    .once('error', never)
    .off('error', never)
    .off('error', () => {})
  for (let round = 1; round <= 2; round++) {
    await who.run('eve', () => pool.run('throwsLater'))
    await until(() => heard.length >= 3 * round - (round - 1), 'they hear')
    if (round === 1) pool.off('error', twice).on('error', () => heard.push('other'))
  }
  const ann = ['twice', 'ann']
  assert.deepEqual(heard, [ann, ann, ['once', 'bob'], ann, 'other'])
  assert.throws(() => pool.on('drain' as 'error', () => {}), { code: 'ERR_INVALID_ARG_VALUE', message: /'drain'/ })
  assert.throws(() => pool.once(Symbol('x') as never, () => {}), { code: 'ERR_INVALID_ARG_VALUE' })
  assert.throws(() => pool.on('error', undefined as never), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.throws(() => pool.off('error', 7 as never), { code: 'ERR_INVALID_ARG_TYPE' })
  // @ts-expect-error it gets an Error
  const mistake = () => pool.on('error', (text: string) => text)
  assert.ok(mistake)
  await pool.close()
})

test('listeners of NodePools', async () => {
  const heard: string[] = []
  const pools = new NodePools<Jobs>(url, { maxWorkers: 1 })
  const never = () => heard.push('never')
  pools
    .on('error', () => heard.push('on'))
    .once('error', () => heard.push('once'))
    .once('error', never)
    .off('error', never)
  for (const nr of [2, 3]) {
    await pools.run('throwsLater')
    await until(() => heard.length >= nr, 'they hear')
  }
  await pools.close()
  assert.deepEqual(heard, ['on', 'once', 'on'])
  assert.throws(() => pools.once('error', 7 as never), { code: 'ERR_INVALID_ARG_TYPE' })
})
