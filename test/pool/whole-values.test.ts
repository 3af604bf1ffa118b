/** Values that are hard to carry: names that objects inherit, proxies, views of 2 GiB of shared memory, what moves from within a job. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { Pool } from '../../src/pool/pool.js'

type Jobs = typeof import('./whole-values-jobs.js')
const jobs = new URL('./whole-values-jobs.js', import.meta.url)
const pool = new Pool<Jobs>(jobs, { maxWorkers: 1 })
after(() => pool.close())

const GiB = 2 ** 30

for (const flag of ['--frozen-intrinsics', '--stack-trace-limit=10']) {
  test(`names that objects inherit are names like others (${flag})`, async () => {
    const keys = [...Object.getOwnPropertyNames(Object.prototype), 'plain', 'then2']
    const program = `
      const { Pool } = await import(${JSON.stringify(new URL('../../lib/pool.js', import.meta.url).href)})
      const { deepStrictEqual: equal } = await import('node:assert')
      if (${flag !== '--frozen-intrinsics'}) Object.freeze(Object.prototype)
      const pool = new Pool(new URL(${JSON.stringify(jobs.href)}), { maxWorkers: 1 })
      const own = (value) => Object.getOwnPropertyNames(value)
      for (const key of ${JSON.stringify(keys)}) {
        const found = await pool.run('named', [key])
        equal([own(found), own(found.list[0])], [[key, 'list'], [key]], key)
        equal([Object.getOwnPropertyDescriptor(found, key).value, found.list.length], [1, 1], key)
        for (const size of [0, 100, 10_000]) {
          const back = await pool.run('echo', [JSON.parse('{"' + key + '": 3, "text": "' + 'x'.repeat(size) + '"}')])
          equal([own(back), Object.getOwnPropertyDescriptor(back, key).value], [[key, 'text'], 3], key)
        }
      }
      await pool.close()
      console.log('done')`
    const args = ['--no-warnings', flag, '--input-type=module', '--eval', program]
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 })
    assert.equal(stdout, 'done\n')
  })
}

for (const n of [1, 30, 5000]) {
  test(`a proxy with ${n} keys is refused, either way`, async () => {
    const proxy = new Proxy(Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, i])), {})
    await assert.rejects(pool.run('echo', [proxy]), { name: 'DataCloneError' })
    await assert.rejects(pool.run('echo', [{ inside: [proxy] }]), { name: 'DataCloneError' })
    await assert.rejects(pool.run('proxied', [n]), { name: 'DataCloneError' })
    await assert.rejects(pool.run('echo', [new Proxy([1], {})]), { name: 'DataCloneError' })
  })
}

test('a view of shared memory may be of any length', async () => {
  for (const bytes of [2 * GiB - 1, 2 * GiB, 3 * GiB]) {
    const view = new Uint8Array(new SharedArrayBuffer(bytes))
    assert.equal(await pool.run('length', [view]), bytes)
  }
})

test('what a generator yields moves, and what it returns', async () => {
  const steps = pool.iterate('frames', [4])
  for (let i = 0; i < 4; i++) assert.deepEqual((await steps.next()).value, new Uint8Array(4).fill(i))
  const end = await steps.next()
  assert.deepEqual(end, { done: true, value: [0, 4, 0, 4] })
})

test('what a job reports moves', async () => {
  const heard: unknown[] = []
  assert.equal(await pool.run('reports', [], { onProgress: (value) => heard.push(value) }), 0)
  assert.deepEqual(heard, [new Uint8Array(4).fill(5)])
})

test('transferring() inside of another value is refused in words', async () => {
  const refusal = { name: 'DataCloneError', message: /transferring\(\) inside of another value/ }
  await assert.rejects(pool.run('nested'), refusal)
  await assert.rejects(pool.run('reportsNested', [], { onProgress: () => {} }), refusal)
  await assert.rejects(async () => {
    for await (const _ of pool.iterate('nestedSteps')) assert.fail('a wrapper came')
  }, refusal)
})
