/** No warning of a leak is of the pool's own making: whatever is asked for many times over adds one listener. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool, type PoolOptions } from '../../src/pool/pool.js'
import { Gate } from './gate.js'

type Jobs = typeof import('./async-jobs.js')
const MANY = 15
const make = (options: PoolOptions = {}) =>
  new Pool<Jobs>(new URL('./async-jobs.js', import.meta.url), { maxWorkers: 1, ...options })
const many = <T>(f: () => T): T[] => Array.from({ length: MANY }, f)

const warnings: Error[] = []
process.on('warning', (warning) => warnings.push(warning))
after(async () => {
  await new Promise(setImmediate)
  assert.deepEqual(warnings, [])
})

test('many jobs that are killed with one thread', async () => {
  const pool = make()
  const gate = new Gate()
  const all = many(() => pool.run('await_', [gate.words]))
  await gate.reached(MANY)
  assert.equal(
    pool.kill(() => true),
    MANY,
  )
  assert.equal(
    pool.kill(() => true),
    MANY,
  )
  for (const { status } of await Promise.allSettled(all)) assert.equal(status, 'rejected')
  await pool.close()
})

test('many calls that wait for the same threads', async () => {
  const pool = make()
  const gate = new Gate()
  const held = pool.run('await_', [gate.words])
  await gate.reached(1)
  const waits = [...many(() => pool.recycle()), ...many(() => pool.flush()), ...many(() => pool.ready())]
  gate.open()
  await Promise.all([held, ...waits])
  await Promise.all([...many(() => pool.close({ timeout: 9999 })), ...many(() => pool.destroy())])
})

test('many jobs, iterations, maps and pools on one signal', async () => {
  const { signal } = new AbortController()
  const pools = many(() => make())
  for (const pool of pools) {
    const jobs = many(() => pool.run('add', [1, 2], { signal }))
    const maps = many(async () => {
      for await (const _ of pool.map([1], 'add', { signal })) break
    })
    await Promise.all([...jobs, ...maps])
  }
  const all = pools.map((pool) => pool.run('add', [1, 2], { signal }))
  await Promise.all(all)
  await Promise.all(pools.map((pool) => pool.close()))
})
