/** Threads that are replaced: the next one is there before it is needed, or at least not after the last one is gone. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, mock, test } from 'node:test'
import { loadAcquire } from '../../src/lib/barrier.js'
import { Pool, type PoolOptions } from '../../src/pool/pool.js'
import { rejectionOf, sharedWords, until } from './gate.js'
import { BEGUN, LOADED, SET_UP, TORN_DOWN } from './spare-words.js'

type Jobs = typeof import('./spare-jobs.js')

function make(options: PoolOptions = {}) {
  const words = sharedWords(4)
  const url = new URL('./spare-jobs.js', import.meta.url)
  return { words, pool: new Pool<Jobs>(url, { maxWorkers: 1, workerData: words, ...options }) }
}

async function killLoop({ words, pool }: ReturnType<typeof make>): Promise<void> {
  words[BEGUN] = 0
  const { died } = pool.stats()
  const job = rejectionOf(pool.run('loop', [], { id: 'loop' }))
  await until(() => loadAcquire(words, BEGUN) === 1, 'the job runs')
  assert.equal(pool.kill('loop'), 1)
  assert.equal((await job)['code'], 'ERR_URING_WORKER_DIED')
  await until(() => pool.stats().died === died + 1, 'its thread is gone')
}

const loads = (words: Int32Array, n: number) =>
  until(() => loadAcquire(words, LOADED) === n, `${n} threads have loaded`)

test('where no thread is replaced there is no spare one', async () => {
  const { words, pool } = make()
  for (let i = 0; i < 10; i++) assert.equal(await pool.run('which', []), 0)
  await pool.close()
  assert.equal(loadAcquire(words, LOADED), 1)
})

test('after a kill the next thread is loaded before a job asks for it, and another after that', async () => {
  const made = make()
  const { words, pool } = made
  assert.equal(await pool.run('which', []), 0)
  for (let n = 1; n < 4; n++) {
    await killLoop(made)
    await loads(words, n + 1)
    assert.deepEqual(pool.stats().workers, [0, 0])
    assert.equal(await pool.run('which', []), n)
    // The one in its place.
    await loads(words, n + 2)
    assert.equal(pool.stats().created, n + 1)
    if (n < 3) continue
    await pool.close()
    return
  }
})

test('init runs as a spare thread is taken, and teardown where init did', async () => {
  const made = make({ init: 'setUp', teardown: 'tearDown' })
  const { words, pool } = made
  await killLoop(made)
  await loads(words, 2)
  assert.equal(loadAcquire(words, SET_UP), 1)
  assert.equal(await pool.run('which', []), 1)
  assert.equal(loadAcquire(words, SET_UP), 2)
  await loads(words, 3)
  await pool.close()
  assert.deepEqual([words[SET_UP], words[TORN_DOWN]], [2, 1])
})

test('maxJobsPerWorker: the next thread is there', async () => {
  const { words, pool } = make({ maxJobsPerWorker: 1 })
  assert.equal(await pool.run('which', []), 0)
  for (let n = 1; n < 4; n++) {
    await loads(words, n + 1)
    assert.equal(await pool.run('which', []), n)
  }
  await pool.close()
})

const dismissals: Record<string, (pool: Pool<Jobs>) => unknown> = {
  'recycle()': (pool) => pool.recycle(),
  setExitOnIdle(pool) {
    pool.setExitOnIdle(true)
    pool.setExitOnIdle(false)
  },
}
for (const [name, dismiss] of Object.entries(dismissals)) {
  test(`${name} leaves no spare thread of before`, async () => {
    const made = make()
    const { words, pool } = made
    await killLoop(made)
    await loads(words, 2)
    await dismiss(pool)
    assert.ok((await pool.run('which', [])) > 1)
    await pool.close()
  })
}

test('what a spare thread prints as it loads is printed when it is taken', async () => {
  const made = make({ env: { SPARE_PRINTS: '1' } })
  const { words, pool } = made
  const lines: string[] = []
  const write = mock.method(process.stdout, 'write', (text: string) => lines.push(text) > 0)
  try {
    await killLoop(made)
    await loads(words, 2)
    assert.deepEqual(lines, ['loaded 0\n'])
    assert.equal(await pool.run('which', []), 1)
    assert.deepEqual(lines, ['loaded 0\n', 'loaded 1\n'])
    await pool.close()
  } finally {
    write.mock.restore()
  }
})

const dir = mkdtempSync(join(tmpdir(), 'uring-spare-'))
after(() => rmSync(dir, { recursive: true, force: true }))

for (const hard of ['pool.kill()', 'kill', 'runSync behind it'] as const) {
  test(`a thread inside a system call keeps no place, ${hard}`, async () => {
    const { words, pool } = make()
    const path = join(dir, hard.replaceAll(/\W/g, ''))
    execFileSync('mkfifo', [path])
    const controller = new AbortController()
    const options = hard === 'kill' ? { signal: controller.signal, kill: true } : { id: 'stuck' }
    const job = rejectionOf(pool.run('readPipe', [path], options))
    await until(() => loadAcquire(words, BEGUN) === 1, 'the job runs')
    if (hard === 'kill') controller.abort()
    else assert.equal(pool.kill('stuck'), 1)
    const next = hard === 'runSync behind it' ? pool.runSync('which', []) : await pool.run('which', [])
    assert.ok(next > 0)
    assert.deepEqual([pool.stats().died, pool.stats().created], [0, 2])
    writeFileSync(path, 'x')
    await job
    await until(() => pool.stats().died === 1, 'its thread is gone')
    assert.deepEqual(pool.stats().workers, [1, 0])
    await pool.close()
  })
}

const failures = { 'throw new Error("never")': 'ERR_URING_JOBS_MODULE', 'process.exit(3)': 'ERR_URING_JOBS_MODULE' }
for (const [what, code] of Object.entries(failures)) {
  test(`a spare thread that cannot load, by ${what}, fails as any other`, async () => {
    const path = join(dir, `${what.length}.mjs`)
    const words = sharedWords(2)
    // The second of these threads loads, and is the last one that does.
    writeFileSync(
      path,
      `import { workerData } from 'node:worker_threads'
      if (Atomics.add(workerData, 0, 1) > 0) ${what}
      export function loop() { Atomics.store(workerData, 1, 1); for (;;); }
      export function noop() {}`,
    )
    await using pool = new Pool<{ loop(): void; noop(): void }>(path, { maxWorkers: 1, workerData: words })
    const job = rejectionOf(pool.run('loop', [], { id: 'loop' }))
    await until(() => loadAcquire(words, 1) === 1, 'the job runs')
    pool.kill('loop')
    await job
    await until(() => loadAcquire(words, 0) >= 2, 'a spare thread has begun to load')
    assert.equal((await rejectionOf(pool.run('noop', [])))['code'], code)
  })
}
