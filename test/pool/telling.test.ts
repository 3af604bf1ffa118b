/** What a pool tells of itself: histograms, diagnostics_channel. */
import assert from 'node:assert/strict'
import diagnostics, { type TracingChannelSubscribers } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { Pool, type PoolOptions, type RunMessage, type WorkerMessage } from '../../src/pool/pool.js'
import { Gate, rejectionOf, until } from './gate.js'

const jobs = new URL('./jobs.js', import.meta.url)
const make = (options: PoolOptions = {}) =>
  new Pool<typeof import('./jobs.js')>(jobs, { maxWorkers: 1, name: 'mine', ...options })

test('without the option there are no histograms', async () => {
  await using pool = make()
  assert.equal('waitTime' in pool.stats(), false)
})

test('histograms count the jobs that came home, and tell waiting from running', async () => {
  await using pool = make({ histograms: true })
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  const begun = process.hrtime.bigint()
  const never = rejectionOf(pool.run('noop', [], { id: 'never' }))
  const waiting = [pool.run('echoLater', ['x']), pool.run('fail').catch(() => {})]
  // In the backlog, and by priority.
  const many = Array.from({ length: 8500 }, () => pool.run('noop'))
  const ranked = pool.run('noop', [], { priority: 1 })
  pool.cancel('never')
  const atLeast = Number(process.hrtime.bigint() - begun)
  gate.open()
  await Promise.all([held, never, ranked, ...waiting, ...many])
  const atMost = Number(process.hrtime.bigint() - begun)
  const { waitTime, runTime } = pool.stats()
  assert.ok(waitTime !== undefined && runTime !== undefined)
  assert.equal(waitTime.count, 8504)
  assert.equal(runTime.count, 8504)
  // One held the only thread while all this was given: that long it ran, and no longer than until now. The buckets of a
  // histogram are a thousandth wide.
  assert.ok(runTime.max >= atLeast * 0.998, `${runTime.max} >= ${atLeast}`)
  assert.ok(waitTime.percentile(50) <= atMost * 1.002)
  assert.ok(waitTime.min >= 1 && runTime.min >= 1)
})

test('a job that dies with its thread is in no histogram', async () => {
  await using pool = make({ histograms: true })
  await rejectionOf(pool.run('die', [1]))
  await pool.run('noop')
  assert.equal(pool.stats().runTime?.count, 1)
})

type Event = [event: string, name: string, key: unknown, result: unknown]

function listen(): { events: Event[]; messages: RunMessage[]; stop: () => void } {
  const events: Event[] = []
  const messages: RunMessage[] = []
  const note = (event: string) => (message: unknown) => {
    const told = message as RunMessage
    messages.push(told)
    events.push([event, told.name, told.key, told.error === undefined ? told.result : (told.error as Error).message])
  }
  const subscribers: TracingChannelSubscribers<object> = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  }
  const channels = diagnostics.tracingChannel('uring.pool.run')
  channels.subscribe(subscribers)
  return { events, messages, stop: () => channels.unsubscribe(subscribers) }
}

test('each job is told to uring.pool.run', async () => {
  await using pool = make()
  const { events, messages, stop } = listen()
  try {
    assert.equal(await pool.run('add', [1, 2], { key: 'k', id: 5, priority: 1, unbounded: true }), 3)
    await rejectionOf(pool.run('throwWhenAborted', [new Gate().words], { signal: AbortSignal.abort() }))
    for await (const result of pool.map(['x'], 'echo')) assert.equal(result, 'x')
    for await (const value of pool.iterate('yieldContexts', ['none'])) assert.equal(value, undefined)
  } finally {
    stop()
  }
  await pool.run('noop')
  const aborted = 'The operation was aborted'
  assert.deepEqual(events, [
    ['start', 'add', 'k', undefined],
    ['end', 'add', 'k', undefined],
    ['asyncStart', 'add', 'k', 3],
    ['asyncEnd', 'add', 'k', 3],
    ['start', 'throwWhenAborted', undefined, undefined],
    ['end', 'throwWhenAborted', undefined, undefined],
    ['error', 'throwWhenAborted', undefined, aborted],
    ['asyncStart', 'throwWhenAborted', undefined, aborted],
    ['asyncEnd', 'throwWhenAborted', undefined, aborted],
    ['start', 'echo', undefined, undefined],
    ['end', 'echo', undefined, undefined],
    ['asyncStart', 'echo', undefined, 'x'],
    ['asyncEnd', 'echo', undefined, 'x'],
    ['start', 'yieldContexts', undefined, undefined],
    ['end', 'yieldContexts', undefined, undefined],
    ['asyncStart', 'yieldContexts', undefined, [true, undefined]],
    ['asyncEnd', 'yieldContexts', undefined, [true, undefined]],
  ])
  assert.deepEqual(messages.at(-1)?.args, ['none'])
  const { result, ...rest } = messages[0]!
  assert.deepEqual(rest, { pool: 'mine', name: 'add', args: [1, 2], key: 'k', id: 5, priority: 1, unbounded: true })
  assert.equal(result, 3)
})

test('a synchronous job is told by its start and its end', async () => {
  await using pool = make()
  const { events, stop } = listen()
  try {
    assert.equal(pool.runSync('add', [1, 2], { key: 'k' }), 3)
    assert.throws(() => pool.runSync('failOn', [13]))
  } finally {
    stop()
  }
  assert.deepEqual(events, [
    ['start', 'add', 'k', undefined],
    ['end', 'add', 'k', 3],
    ['start', 'failOn', undefined, undefined],
    ['error', 'failOn', undefined, 'not 13'],
    ['end', 'failOn', undefined, 'not 13'],
  ])
})

test('told or not, an error shows who awaited the job', async () => {
  await using pool = make()
  const failing = async function theCaller(): Promise<void> {
    await pool.run('fail')
  }
  const { stop } = listen()
  const told = await rejectionOf(failing())
  stop()
  const untold = await rejectionOf(failing())
  assert.match(untold.stack ?? '', /at async theCaller/)
  assert.match(told.stack ?? '', /at async theCaller/)
})

test('each thread is told to uring.pool.worker', async () => {
  const messages: WorkerMessage[] = []
  const note = (message: unknown) => {
    messages.push(message as WorkerMessage)
  }
  diagnostics.subscribe('uring.pool.worker', note)
  try {
    const pool = make()
    const first = await pool.run('tid')
    await rejectionOf(pool.run('die', [0]))
    await until(() => messages.length === 2, 'its end is told')
    const second = await pool.run('tid')
    await pool.close()
    await until(() => messages.length === 4, 'all ends are told')
    const common = { pool: 'mine' }
    assert.deepEqual(messages, [
      { ...common, event: 'created', threadId: first },
      { ...common, event: 'died', threadId: first, error: undefined },
      { ...common, event: 'created', threadId: second },
      { ...common, event: 'exited', threadId: second },
    ])
    const other = make()
    await rejectionOf(other.run('dieLater'))
    await until(() => messages.some(({ error }) => error?.message === 'out of the blue'), 'the error is told')
    await other.close()
  } finally {
    diagnostics.unsubscribe('uring.pool.worker', note)
  }
})
