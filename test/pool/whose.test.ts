/** Whose context is it: every callback runs in that of the call it belongs to, or of its job. */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { channel, tracingChannel } from 'node:diagnostics_channel'
import { after, test } from 'node:test'
import type { RunMessage } from '../../src/pool/channels.js'
import { Pool } from '../../src/pool/pool.js'

const { Pool: Shipped } = (await import(new URL('../../lib/pool.js', import.meta.url).href)) as { Pool: typeof Pool }
const built = new URL('./whose-jobs.js', import.meta.url)
const CALLERS = ['ann', 'bob', 'eve']
/** The caller, both as the pool carries it and as the caller's own callbacks find it. */
const who = new AsyncLocalStorage<string>()

type Jobs = typeof import('./whose-jobs.js')
type Place = [place: string, found: unknown]

for (const [pack, PoolOf] of Object.entries({ built: Pool, shipped: Shipped })) {
  const open = () => new PoolOf<Jobs>(built, { maxWorkers: 1, asyncContext: { who } })
  const pool = open()
  after(() => pool.close())

  /** Lets each caller do it, all at once, and checks that each heard of itself alone, in its own context. */
  async function each(pool: Pool<Jobs>, act: (hear: (value: unknown) => void, name: string) => Promise<unknown>) {
    const tales = CALLERS.map((name) =>
      who.run(name, async () => {
        const heard: unknown[] = []
        const hear = (value: unknown) => heard.push([...(value as Place), who.getStore()])
        const result = await act(hear, name)
        return { name, heard, result }
      }),
    )
    for (const { name, heard, result } of await Promise.all(tales)) {
      assert.ok(heard.length > 0)
      for (const [place, found, context] of heard as [...Place, unknown][]) {
        assert.deepEqual([place, found, context], [place, name, name])
      }
      for (const found of [result].flat()) assert.equal(found, name)
    }
    return pool
  }

  for (const name of ['sync', 'awaited', 'timer', 'microtask', 'thenable', 'accessor', 'laterAccessor'] as const) {
    test(`a job’s own context: ${name} (${pack})`, async () => {
      const run = async (onProgress: (value: unknown) => void) => {
        const result = (await pool.run(name, [], { onProgress })) as string | { found: string }
        return typeof result === 'object' ? result.found : result
      }
      // Known to be plain or not after the first time; the thread is the first caller's.
      for (let i = 0; i < 3; i++) await each(pool, run)
    })
  }

  test(`a job’s own context: the abort listener (${pack})`, async () => {
    await each(pool, (hear) => {
      const controller = new AbortController()
      const onProgress = (value: unknown) => {
        hear(value)
        if ((value as Place)[0] === 'ready') controller.abort()
      }
      return pool.run('listener', [], { onProgress, signal: controller.signal })
    })
  })

  test(`a job’s own context: functions that return plainly first, and a promise later (${pack})`, async () => {
    for (const name of ['turns', 'turnsToo'] as const) await who.run('warm', () => pool.run(name, [true]))
    await each(pool, (onProgress, name) => pool.run(name === 'bob' ? 'turnsToo' : 'turns', [false], { onProgress }))
  })

  test(`a job’s own context: steps of a generator, its end (${pack})`, async () => {
    for (const name of ['steps', 'pulls'] as const) {
      await each(pool, async (onProgress) => {
        const found: unknown[] = []
        for await (const value of pool.iterate(name, [50], { onProgress, highWaterMark: 2 })) {
          found.push(value, who.getStore())
          if (found.length > 20) break
        }
        return found
      })
    }
  })

  test(`what a job has left behind is not another’s (${pack})`, async () => {
    for (let i = 0; i < 3; i++) await who.run('ann', () => pool.run('leavesTimer'))
    assert.notEqual(await who.run('bob', () => pool.run('leftBehind')), 'bob')
  })

  test(`a caller’s own context: what map pulls, gives and closes, and what runSync tells (${pack})`, async () => {
    await each(pool, async (hear, name) => {
      const source = {
        [Symbol.iterator]() {
          hear(['iterator', who.getStore()])
          return this
        },
        next() {
          hear(['next', who.getStore()])
          return { done: false as const, value: undefined as never }
        },
        return() {
          hear(['return', who.getStore()])
          return { done: true as const, value: undefined }
        },
      }
      const results = pool.map<'sync'>(source as Iterable<never>, 'sync', { onProgress: hear })
      const found: unknown[] = []
      // Taken by somebody else, in another context.
      await who.run('taker', async () => {
        for await (const value of results) if (found.push(value) === 9) break
      })
      async function* slow() {
        for (let i = 0; i < 3; i++) {
          hear(['async next', who.getStore()])
          yield await Promise.resolve(undefined as never)
        }
      }
      const later = pool.map<'sync'>(slow(), 'sync', { onProgress: hear })
      await who.run('taker', async () => {
        for await (const value of later) found.push(value)
      })
      found.push(pool.runSync('sync', [], { onProgress: hear }))
      assert.equal(found.length, 13, name)
      return found
    })
  })

  test(`diagnostics of a job are told in its caller’s context, those of threads in nobody’s (${pack})`, async (t) => {
    const heard: unknown[] = []
    const events = ['start', 'end', 'asyncStart', 'asyncEnd'] as const
    const onRun = Object.fromEntries(
      events.map((event) => [event, (message: RunMessage) => heard.push([event, message.args[0], who.getStore()])]),
    )
    const onWorker = () => heard.push(['worker', undefined, who.getStore()])
    const runs = tracingChannel<RunMessage>('uring.pool.run')
    const workers = channel('uring.pool.worker')
    runs.subscribe(onRun as never)
    workers.subscribe(onWorker)
    t.after(() => {
      runs.unsubscribe(onRun as never)
      workers.unsubscribe(onWorker)
    })
    const pool = open()
    await Promise.all(CALLERS.map((name) => who.run(name, () => pool.run('sync', [name] as never))))
    await who.run('closer', () => pool.close())
    assert.deepEqual(heard.filter((one) => (one as unknown[])[0] === 'worker').length, 2)
    assert.equal(heard.length, 2 + CALLERS.length * events.length)
    for (const [event, expected, found] of heard as unknown[][]) assert.equal(found, expected, String(event))
  })
}
