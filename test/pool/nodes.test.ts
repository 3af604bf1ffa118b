/** Processors: pools kept on some, and a pool for each NUMA node. Machines of two nodes are made up, in a folder. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { NodePools } from '../../src/pool/node-pools.js'
import { Pool } from '../../src/pool/pool.js'
import { threadCpus } from '../../src/sys/affinity.js'
import { Gate, rejectionOf } from './gate.js'

type Jobs = typeof import('./jobs.js')
const JOBS = new URL('./jobs.js', import.meta.url)
const allowed = threadCpus() ?? []
const [first, last] = [allowed.slice(0, 1), allowed.slice(-1)]

const sysfs = mkdtempSync(join(tmpdir(), 'uring-nodes-'))
after(() => rmSync(sysfs, { recursive: true }))
for (const [node, cpus] of [first, last].entries()) {
  mkdirSync(join(sysfs, `node${node}`))
  writeFileSync(join(sysfs, `node${node}`, 'cpulist'), `${cpus.join()}\n`)
}

test('workers run where affinity says, and the thread that makes them stays where it was', async () => {
  const pool = new Pool<Jobs>(JOBS, { affinity: last })
  assert.deepEqual(await pool.run('cpus', []), last)
  assert.deepEqual(threadCpus(), allowed)
  await pool.close()
})

test('a change of affinity reaches a running pool through the idle exit, of the last worker too', async () => {
  const pool = new Pool<Jobs>(JOBS, { affinity: first, idleTimeoutMs: 1 })
  assert.deepEqual(await pool.run('cpus', []), first)
  pool.setAffinity(last)
  while (pool.stats().workers[0] > 0) await turn()
  assert.deepEqual(await pool.run('cpus', []), last)
  pool.setAffinity(undefined)
  while (pool.stats().workers[0] > 0) await turn()
  assert.deepEqual(await pool.run('cpus', []), allowed)
  await pool.close()
})

test('processors that are none, or not to be had, are refused', async () => {
  for (const affinity of [[-1], [0.5], ['0'] as unknown as number[]]) {
    assert.throws(() => new Pool(JOBS, { affinity }), { code: 'ERR_INVALID_ARG_TYPE' })
  }
  for (const affinity of [[], [8000]]) {
    assert.throws(() => new Pool(JOBS, { affinity }), { code: 'ERR_OUT_OF_RANGE', name: 'RangeError' })
  }
  const pool = new Pool<Jobs>(JOBS, { maxWorkers: 1 })
  assert.throws(() => pool.setAffinity([8000]), { code: 'ERR_OUT_OF_RANGE' })
  assert.equal(await pool.run('add', [1, 2]), 3)
  await pool.close()
})

test('each node has a pool on its processors', async () => {
  const pools = new NodePools<Jobs>(JOBS, { sysfs })
  assert.deepEqual(
    pools.nodes.map(({ cpus }) => cpus),
    [first, last],
  )
  assert.deepEqual(await pools.run('cpus', [], { node: 0 }), first)
  assert.deepEqual(await pools.run('cpus', [], { node: 1 }), last)
  await assert.rejects(pools.run('cpus', [], { node: 2 }), { code: 'ERR_OUT_OF_RANGE' })
  assert.equal(await pools.run('noop'), undefined)
  await assert.rejects(pools.run('noop', [], null as never), { code: 'ERR_INVALID_ARG_TYPE' })
  await assert.rejects(pools.run('noop', [], { node: Symbol('n') as never }), { code: 'ERR_OUT_OF_RANGE' })
  await pools.close()
})

test('jobs go to the node with least to do; those of one key stay together while one is in flight', async () => {
  const pools = new NodePools<Jobs>(JOBS, { sysfs })
  const inFlight = () => pools.stats().map((stats) => stats.inFlight)
  const gates = [new Gate(), new Gate(), new Gate()]
  const [a, b, c] = gates.map((gate) => gate.words)
  const jobs = [pools.run('hold', [a!], { key: 'a' }), pools.run('hold', [b!])]
  assert.deepEqual(inFlight(), [1, 1])
  jobs.push(pools.run('hold', [c!], { key: 'a' }), pools.run('add', [1, 2], { key: 'a' }))
  assert.deepEqual(inFlight(), [3, 1])
  await assert.rejects(pools.run('add', [1, 2], { key: 'a', node: 1 }), { code: 'ERR_OUT_OF_RANGE' })
  for (const gate of gates) gate.open()
  await Promise.all(jobs)
  assert.deepEqual(await pools.run('cpus', [], { key: 'a', node: 1 }), last)
  await pools.close()
})

test('where sysfs tells of no nodes there is one pool', async () => {
  const pools = new NodePools<Jobs>(JOBS, { sysfs: join(sysfs, 'none'), maxWorkers: 1 })
  assert.deepEqual([pools.nodes, await pools.run('add', [1, 2]), pools.stats().length], [[], 3, 1])
  await pools.destroy()
})

test('cancel, kill and flush reach every node', async () => {
  await using pools = new NodePools<Jobs>(JOBS, { sysfs, maxWorkers: 1 })
  const gates = [new Gate(), new Gate()]
  const held = gates.map(({ words }, node) => pools.run('hold', [words], { node, id: 'held' }))
  await Promise.all(gates.map((gate) => gate.reached(1)))
  const queued = [0, 1].map((node) => rejectionOf(pools.run('noop', [], { node, id: 'queued' })))
  assert.equal(pools.cancel('nobody'), 'notfound')
  assert.equal(pools.cancel('queued'), 'ok')
  for (const error of await Promise.all(queued)) assert.equal(error['code'], 'ABORT_ERR')
  assert.equal(
    pools.cancel(({ running }) => running),
    'running',
  )
  let flushed = false
  const flush = pools.flush().then(() => {
    flushed = true
  })
  gates[0]?.open()
  await held[0]
  assert.equal(flushed, false)
  const killed = rejectionOf(held[1] as Promise<unknown>)
  assert.equal(pools.kill('held'), 1)
  assert.equal((await killed)['code'], 'ERR_URING_WORKER_DIED')
  await flush
  assert.equal(await pools.pools[1]?.run('add', [1, 1]), 2)
})
