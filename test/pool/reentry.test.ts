/**
 * User code that the pool calls while it takes a job calls the pool: every place where that is so, and all it may do.
 * Each call ends as if the other had not been in the middle of it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'

type Jobs = typeof import('./reentry-jobs.js')
type Act = () => unknown

const url = new URL('./reentry-jobs.js', import.meta.url)

class Held {
  readonly x: unknown
  constructor(act: Act) {
    Object.defineProperty(this, 'x', { get: act, enumerable: true })
  }
}

/** Arguments with an accessor in them that does something, and what the job sees of them. */
const PLACES: Readonly<Record<string, (act: Act) => { args: unknown[]; seen: unknown[]; transfer?: ArrayBuffer[] }>> = {
  'a small value': (act) => ({ args: [getter(act)], seen: ['{"x":1}'] }),
  'identity among arguments': (act) => {
    const shared = { s: 1 }
    return { args: [shared, getter(act), shared], seen: ['{"s":1}', '{"x":1}', 'same as 0'] }
  },
  'a shared buffer before it': (act) => {
    const sab = new SharedArrayBuffer(4)
    new Int32Array(sab)[0] = 7
    return { args: [sab, getter(act)], seen: ['shared 7', '{"x":1}'] }
  },
  'a shared buffer behind it': (act) => {
    const sab = new SharedArrayBuffer(4)
    new Int32Array(sab)[0] = 8
    return { args: [getter(act), sab], seen: ['{"x":1}', 'shared 8'] }
  },
  'a big view before it': (act) => ({
    args: [new Uint8Array(5000).fill(9), getter(act)],
    seen: ['view 5000 9', '{"x":1}'],
  }),
  'a long value': (act) => {
    const rows = Array.from({ length: 40 }, (_, i) => ({ id: i, name: `row ${i}` }))
    return { args: [[...rows, getter(act)]], seen: [JSON.stringify([...rows, { x: 1 }])] }
  },
  'a very long value': (act) => {
    const text = 'y'.repeat(100_000)
    return { args: [text, getter(act)], seen: [JSON.stringify(text), '{"x":1}'] }
  },
  'what moves': (act) => {
    const view = new Uint8Array(100).fill(3)
    return { args: [view, getter(act)], seen: ['view 100 3', '{"x":1}'], transfer: [view.buffer] }
  },
  'an instance of a class': (act) => ({ args: [new Held(act)], seen: ['{"x":1}'] }),
}

function getter(act: Act): object {
  return {
    get x() {
      return act()
    },
  }
}

/** What it does: returns what must come of that, besides. */
const ACTS: Readonly<Record<string, (pool: Pool<Jobs>, stop: AbortController) => Promise<unknown>>> = {
  run: async (pool) => assert.equal(await pool.run('inner', [{ k: 'v' }]), 'v'),
  'run, shared': async (pool) => {
    const sab = new SharedArrayBuffer(4)
    assert.deepEqual(await (pool.run as Pool['run']).call(pool, 'seen', [sab, new Uint8Array(3000)]), [
      'shared 0',
      'view 3000 0',
    ])
  },
  runSync: async (pool) => assert.equal(pool.runSync('inner', [{ k: 'v' }]), 'v'),
  map: async (pool) => {
    for await (const one of pool.map([{ k: 'v' }], 'inner')) assert.equal(one, 'v')
  },
  iterate: async (pool) => {
    for await (const one of pool.iterate('inners', [{ k: 'v' }])) assert.equal(one, 'v')
  },
  cancel: async (pool) => void pool.cancel(() => true),
  kill: async (pool) => void pool.kill(() => true),
  abort: async (_, stop) => stop.abort(),
  close: (pool) => pool.close(),
  destroy: (pool) => pool.destroy(),
}
const ENDS: Readonly<Record<string, string>> = {
  abort: 'ABORT_ERR',
  close: 'ERR_URING_POOL_CLOSED',
  destroy: 'ERR_URING_POOL_CLOSED',
}

type Options = { signal: AbortSignal; transfer?: ArrayBuffer[]; priority?: number }
const WAYS: Readonly<Record<string, (pool: Pool, args: unknown[], options: Options) => Promise<unknown>>> = {
  run: (pool, args, options) => pool.run('seen', args, options),
  'run behind others': (pool, args, options) => pool.run('seen', args, { ...options, priority: -1 }),
  iterate: async (pool, args, options) => {
    const found: unknown[] = []
    const values = (pool as unknown as Pool<Jobs>).iterate('yields', args, options)
    for await (const one of values) found.push(one)
    return found
  },
  map: async (pool, args, { signal }) => {
    const found: unknown[] = []
    for await (const one of pool.map(args, 'seen', { signal })) found.push(...(one as unknown[]))
    return found
  },
}

for (const [act, doIt] of Object.entries(ACTS)) {
  test(`in the middle of a call: ${act}`, { timeout: 60_000 }, async () => {
    let pool = new Pool<Jobs>(url, { maxWorkers: 1 })
    for (const [way, give] of Object.entries(WAYS)) {
      for (const [place, make] of Object.entries(PLACES)) {
        // Of several arguments map makes several jobs.
        if (way === 'map' && place !== 'a small value' && place !== 'a long value') continue
        const stop = new AbortController()
        const besides: Promise<unknown>[] = []
        const { args, seen, transfer } = make(() => {
          besides.push(doIt(pool, stop))
          return 1
        })
        const options = { signal: stop.signal, ...(transfer !== undefined && { transfer }) }
        const outer = give(pool as unknown as Pool, args, options)
        const code = ENDS[act]
        if (code === undefined) assert.deepEqual(await outer, seen, `${way}: ${place}`)
        else await assert.rejects(outer, { code }, `${way}: ${place}`)
        assert.ok(besides.length > 0)
        await Promise.all(besides)
        if (act === 'close' || act === 'destroy') pool = new Pool<Jobs>(url, { maxWorkers: 1 })
      }
    }
    assert.equal(pool.stats().inFlight, 0)
    await pool.close()
  })
}

test('a source of map that does it as it is stepped', { timeout: 60_000 }, async () => {
  for (const doIt of Object.values(ACTS)) {
    const pool = new Pool<Jobs>(url, { maxWorkers: 1 })
    const stop = new AbortController()
    const besides: Promise<unknown>[] = []
    let left = 3
    const source = {
      [Symbol.iterator]: () => ({
        next() {
          besides.push(doIt(pool, stop))
          return left-- > 0 ? { done: false as const, value: { k: 'm' } } : { done: true as const, value: undefined }
        },
      }),
    }
    try {
      for await (const one of pool.map(source, 'inner', { signal: stop.signal })) assert.equal(one, 'm')
    } catch (error) {
      assert.match(String((error as { code: unknown }).code), /^(ABORT_ERR|ERR_URING_POOL_CLOSED)$/)
    }
    await Promise.all(besides)
    await pool.close()
  }
})

test('a pool that an argument fills refuses the job behind it', async () => {
  await using pool = new Pool<Jobs>(url, { maxWorkers: 1, queueLimit: 1 })
  const first: Promise<unknown>[] = []
  const nosy = getter(() => {
    if (first.length === 0) first.push(pool.run('inner', [{ k: 'v' }]))
    return 1
  })
  await assert.rejects((pool as unknown as Pool).run('seen', [nosy]), { code: 'ERR_URING_QUEUE_FULL' })
  assert.deepEqual(await Promise.all(first), ['v'])
})
