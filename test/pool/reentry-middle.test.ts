/**
 * User code that runs in the middle of what the pool does with a job that it has taken: listeners of progress while its
 * result is being taken, signals that are the caller's own, who is asked which jobs to kill. Whatever they do, each job
 * has its own result, and ends once.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'
import { Gate } from './gate.js'

type Jobs = typeof import('./reentry-jobs.js')

const url = new URL('./reentry-jobs.js', import.meta.url)
const RECORDS = 8192

const name = (value: unknown): string => {
  if (typeof value === 'string') return value[0]!
  return value instanceof Uint8Array ? String.fromCharCode(value[0]!) : (value as { name: string }).name
}

for (const form of ['a clone', 'a long text', 'a view beside a message']) {
  test(`a listener of progress that takes others home, before the result of its own: ${form}`, async () => {
    await using pool = new Pool<Jobs>(url, { maxWorkers: 1 })
    let nrTold = 0
    const first = pool.run('inForm', [form, 'a'], {
      onProgress: () => {
        nrTold++
        // The second is before these on the one thread; enough of them go once around its ring.
        for (let i = 0; i < 6; i++) assert.equal(name(pool.runSync('inForm', [form, 'c'])), 'c')
      },
    })
    const second = pool.run('inForm', [form, 'b'])
    // Both come home in here.
    assert.equal(pool.runSync('inner', [{ k: 'v' }]), 'v')
    assert.equal(name(await first), 'a')
    assert.equal(name(await second), 'b')
    assert.equal(nrTold, 1)
  })
}

/** A signal with a method of its own that does something first. */
function withMethod(method: 'addEventListener' | 'removeEventListener', act: (stop: AbortController) => void) {
  const stop = new AbortController()
  const { signal } = stop
  const inherited = signal[method].bind(signal) as (...args: unknown[]) => void
  const own = (...args: unknown[]) => {
    act(stop)
    inherited(...args)
  }
  Object.defineProperty(signal, method, { value: own })
  return signal
}

/** A pool whose one thread is held, and whose records are all in use. */
async function crowded(): Promise<{ pool: Pool<Jobs>; gate: Gate; all: Promise<unknown>[] }> {
  const pool = new Pool<Jobs>(url, { maxWorkers: 1 })
  const gate = new Gate()
  const all: Promise<unknown>[] = [pool.run('held', [gate.words])]
  await gate.reached(1)
  while (all.length < RECORDS) all.push(pool.run('inner', [{ k: 'v' }]))
  return { pool, gate, all }
}

test('a signal that gives a job as it is listened to: each of the two is cancelled by its own id', async () => {
  const { pool, gate, all } = await crowded()
  const inside: Promise<unknown>[] = []
  const signal = withMethod('addEventListener', () => {
    if (inside.length === 0) inside.push(pool.run('inner', [{ k: 'inside' }], { id: 'inside' }))
  })
  const outer = pool.run('inner', [{ k: 'outer' }], { id: 'outer', signal })
  assert.equal(pool.cancel('outer'), 'ok')
  await assert.rejects(outer, { code: 'ABORT_ERR' })
  gate.open()
  assert.deepEqual(await Promise.all(inside), ['inside'])
  await Promise.all(all)
  await pool.close()
})

test('a signal that cancels as it is listened to no more: the job that goes on has its own arguments', async () => {
  const { pool, gate, all } = await crowded()
  const signal = withMethod('removeEventListener', () => void pool.cancel('other'))
  const one = pool.run('inner', [{ k: 'one' }], { signal })
  const other = pool.run('inner', [{ k: 'other' }], { id: 'other' })
  const settled = Promise.allSettled([other])
  gate.open()
  assert.equal(await one, 'one')
  await Promise.all([...all, settled])
  await pool.close()
})

test('a signal that cancels another as its own job is cancelled: what waits keeps its memory', async () => {
  const { pool, gate, all } = await crowded()
  const text = (letter: string) => letter.repeat(2000)
  const signal = withMethod('removeEventListener', () => void pool.cancel('second'))
  const stored = (letter: string, options: object) => pool.run('seen', [[text(letter)]], options)
  const first = stored('a', { id: 'first', signal })
  const second = stored('b', { id: 'second' })
  const third = stored('c', {})
  const ends = Promise.allSettled([first, second])
  assert.equal(pool.cancel('first'), 'ok')
  const [fourth, fifth] = [stored('d', {}), stored('e', {})]
  gate.open()
  assert.deepEqual(await third, [JSON.stringify([text('c')])])
  assert.deepEqual(await fourth, [JSON.stringify([text('d')])])
  assert.deepEqual(await fifth, [JSON.stringify([text('e')])])
  assert.deepEqual(
    (await ends).map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  await Promise.all(all)
  // In test builds it asserts that every block is back.
  await pool.close()
})

for (const place of ['at once', 'behind others'] as const) {
  const options = place === 'at once' ? {} : { priority: -1 }

  test(`a signal that cannot be listened to: its job is not given, ${place}`, async () => {
    await using pool = new Pool<Jobs>(url, { maxWorkers: 1 })
    const signal = withMethod('addEventListener', () => {
      throw new Error('not with me')
    })
    await assert.rejects(pool.run('inner', [{ k: 'v' }], { signal, ...options }), { message: 'not with me' })
    assert.equal(pool.stats().inFlight, 0)
  })

  test(`a signal that aborts as it is listened to: its job is not given, ${place}`, async () => {
    await using pool = new Pool<Jobs>(url, { maxWorkers: 1 })
    const signal = withMethod('addEventListener', (stop) => stop.abort())
    await assert.rejects(pool.run('inner', [{ k: 'v' }], { signal, ...options }), { code: 'ABORT_ERR' })
    assert.equal(pool.stats().inFlight, 0)
  })

  test(`a signal that closes the pool as it is listened to: its job is not given, ${place}`, async () => {
    const pool = new Pool<Jobs>(url, { maxWorkers: 1 })
    const signal = withMethod('addEventListener', () => void pool.close())
    await assert.rejects(pool.run('inner', [{ k: 'v' }], { signal, ...options }), { code: 'ERR_URING_POOL_CLOSED' })
    await pool.close()
  })
}

test('who is asked which jobs to kill ends one and gives another: that one lives', async () => {
  await using pool = new Pool<Jobs>(url, { maxWorkers: 1 })
  const [first, second] = [new Gate(), new Gate()]
  // A worker asks for shared memory once, and not while this thread waits.
  await pool.run('seen', [second.words])
  const ended = pool.run('held', [first.words])
  await first.reached(1)
  const besides: Promise<unknown>[] = []
  const nrHit = pool.kill(() => {
    if (besides.length > 0) return true
    first.open()
    assert.equal(pool.runSync('inner', [{ k: 'v' }]), 'v')
    // The records that came free last are used first: one of these has that of the job that was asked about.
    besides.push(pool.run('inner', [{ k: 'w' }]), pool.run('held', [second.words]))
    Atomics.wait(second.words, 0, 0)
    return true
  })
  assert.equal(nrHit, 0)
  second.open()
  assert.equal(await ended, 'held')
  assert.deepEqual(await Promise.all(besides), ['w', 'held'])
})
