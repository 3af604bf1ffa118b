/** Iterators that nobody takes from any more. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Pool } from '../../src/pool/pool.js'
import { sharedWords } from './gate.js'

const CHILD = fileURLToPath(new URL('./dropped-child.js', import.meta.url))
type Jobs = typeof import('./async-jobs.js')
const jobs = new URL('./async-jobs.js', import.meta.url)

test('one that is dropped ends its generator, one that is awaited does not, and neither keeps the process alive', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CHILD], { encoding: 'utf8', timeout: 120_000 })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^first 0\ncollected and ended\nawaited \d+\nkept 0\n$/)
})

test('more open iterations than there are places stop nobody', async () => {
  await using pool = new Pool<Jobs>(jobs, { maxWorkers: 1, concurrentJobs: 3 })
  const words = sharedWords(2)
  const open = Array.from({ length: 10 }, () => pool.iterate('count', [50, words]))
  await Promise.all(open.map((values) => values.next()))
  assert.equal(await pool.run('add', [1, 2]), 3)
  assert.equal(pool.runSync('add', [1, 2]), 3)
  // All go on, and come to their ends.
  for (const values of open) {
    let last = 0
    for await (const value of values) last = value
    assert.equal(last, 49)
  }
  assert.equal(words[0], 500)
})

test('a thread that is to be replaced goes on while such an iteration keeps it, and leaves with its end', async () => {
  await using pool = new Pool<Jobs>(jobs, { maxWorkers: 1 })
  const values = pool.iterate('count', [50])
  await values.next()
  const before = await pool.run('tid')
  const recycled = pool.recycle()
  assert.equal(await pool.run('tid'), before)
  for await (const _ of values);
  await recycled
  assert.notEqual(await pool.run('tid'), before)
})
