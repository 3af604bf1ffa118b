/** Pools that nobody holds any more, and that were not closed: their threads leave, and their memory goes. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { SharedKeys } from '../../src/pool/jobs/shared-keys.js'
import { Pool, type PoolOptions } from '../../src/pool/pool.js'
import { nrOpenFds } from '../../src/sys/loop.test.fds.js'
import { Gate, until } from './gate.js'

type Jobs = typeof import('./async-jobs.js')

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Threads of this process that are io-wq workers. */
function workerThreads(): number {
  const names = readdirSync('/proc/self/task').map((tid) => {
    try {
      return readFileSync(`/proc/self/task/${tid}/comm`, 'latin1')
    } catch {
      return ''
    }
  })
  return names.filter((name) => name.startsWith('iou-wrk-')).length
}

/** In a frame of its own, so that nothing on the stack holds the pool. */
async function use(options: PoolOptions, then: (pool: Pool<Jobs>) => unknown): Promise<WeakRef<object>> {
  const pool = new Pool<Jobs>(new URL('./async-jobs.js', import.meta.url), { maxWorkers: 2, ...options })
  await then(pool)
  return new WeakRef(pool)
}

async function assertGone(refs: readonly WeakRef<object>[]): Promise<void> {
  let nrLeft = refs.length
  await until(() => {
    gc()
    nrLeft = refs.filter((ref) => ref.deref() !== undefined).length
    return nrLeft === 0
  }, 'the pools are collected')
  await until(() => workerThreads() === 0, 'their threads leave')
}

test('in whatever state it is', async () => {
  const controller = new AbortController()
  const { signal } = controller
  const keys = new SharedKeys()
  const refs = [
    await use({}, () => {}),
    await use({}, (pool) => pool.run('add', [1, 2])),
    await use({ minWorkers: 2 }, (pool) => pool.run('add', [1, 2])),
    await use({ keys, histograms: true }, (pool) => pool.run('add', [1, 2], { key: 'k', signal, timeout: 60_000 })),
    await use({ queueLimit: 1 }, (pool) => Promise.all([pool.run('add', [1, 2]), pool.ready()])),
    await use({}, async (pool) => {
      for await (const _ of pool.map([1, 2], 'add', { signal }));
    }),
    await use({}, (pool) => pool.recycle()),
    // A listener that has the pool.
    await use({}, (pool) => pool.on('error', () => pool.stats()).run('add', [1, 2])),
    await use({}, (pool) => void pool.run('add', [1, 2])),
    await use({}, (pool) => pool.close()),
  ]
  await assertGone(refs)
  assert.equal(signal.aborted, false)
})

test('with jobs in flight, which finish', async () => {
  const gate = new Gate()
  const jobs: Promise<unknown>[] = []
  const ref = await use({ maxWorkers: 1 }, (pool) => {
    jobs.push(pool.run('plainAwait', [gate.words]), pool.run('add', [1, 2], { key: 'k' }))
  })
  await gate.reached(1)
  await until(() => {
    gc()
    return ref.deref() === undefined
  }, 'the pool is collected')
  // A thread of an earlier pool that was on its way up as that was dropped gets its name as it leaves.
  await until(() => workerThreads() === 1, 'its one thread stays')
  gate.open()
  await Promise.all(jobs)
  await until(() => workerThreads() === 0, 'its thread leaves')
})

test('pools that were destroyed leave no descriptor', async () => {
  for (const last of [false, true]) {
    const before = nrOpenFds()
    for (let i = 0; i < (last ? 20 : 5); i++) {
      const pool = new Pool<Jobs>(new URL('./async-jobs.js', import.meta.url), { maxWorkers: 1 })
      await pool.run('add', [i, 1])
      await pool.destroy()
    }
    // What Node itself opens with the first ones stays.
    if (last) assert.ok(nrOpenFds() <= before, `${nrOpenFds()} descriptors, ${before} before`)
  }
})
