/** What jobs print arrives: before the promise settles, and before the process ends, whatever ends it. As shipped. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'

const jobs = new URL('./output-jobs.js', import.meta.url)
const at = (url: URL) => JSON.stringify(url.href)

/** Runs a program with a pool; how many lines came through a pipe, of each stream. */
function lines(program: string, options = '{}'): Promise<[out: number, err: number]> {
  const text = `
    const { Pool } = await import(${at(new URL('../../lib/pool.js', import.meta.url))})
    const pool = new Pool(new URL(${at(jobs)}), { maxWorkers: 1, ...${options} })
    ${program}`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', text], { timeout: 60_000 })
  const counts: [number, number] = [0, 0]
  const count = (i: 0 | 1) => (chunk: string) => {
    counts[i] += chunk.split('\n').length - 1
  }
  child.stdout.setEncoding('utf8').on('data', count(0))
  child.stderr.setEncoding('utf8').on('data', count(1))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve(counts) : reject(new Error(`exit code ${code}`))))
  })
}

const PROGRAMS: Readonly<Record<string, [program: string, out: number, options?: string]>> = {
  'the script ends after its last await': [`await pool.run('out', [10])`, 10],
  'very many lines': [`await pool.run('out', [100_000])`, 100_000],
  runSync: [`pool.runSync('out', [1000])`, 1000],
  // No more than the pipe takes at once: Node itself loses what is behind that.
  'process.exit() when the job has ended': [`await pool.run('outLater', [100]); process.exit()`, 100],
  'process.exit() behind runSync': [`pool.runSync('out', [100]); process.exit()`, 100],
  'a generator': [`for await (const _ of pool.iterate('outSteps', [100]));`, 100],
  'a job that throws': [`await pool.run('outThrow', [100]).catch(() => {})`, 100],
  'a job that ends its thread': [`await pool.run('outExit', [100]).catch(() => {})`, 100],
  'the pool is closed': [`pool.run('out', [100]); await pool.close()`, 110, `{ teardown: 'tearOut' }`],
  'threads are retired': [
    `for (let i = 0; i < 3; i++) await pool.run('out', [10]); await pool.recycle()`,
    60,
    `{ teardown: 'tearOut', maxJobsPerWorker: 1 }`,
  ],
}

for (const [name, [program, out, options]] of Object.entries(PROGRAMS)) {
  test(`every line arrives: ${name}`, async () => {
    assert.deepEqual(await lines(program, options), [out, 0])
  })
}

test('both streams, text, bytes and encodings', async () => {
  assert.deepEqual(await lines(`await pool.run('mixed', [50])`), [50, 100])
})

test('what a job printed is there before its promise settles; a stream that is asked for is not printed', async (t) => {
  const heard: string[] = []
  const write = t.mock.method(process.stdout, 'write', (chunk: string | Uint8Array) => {
    heard.push(Buffer.from(chunk).toString())
    return true
  })
  try {
    await using pool = new Pool<typeof import('./output-jobs.js')>(jobs, { maxWorkers: 1 })
    await pool.run('out', [3])
    assert.deepEqual(heard.splice(0), ['line 0\n', 'line 1\n', 'line 2\n'])
    pool.runSync('out', [2])
    assert.deepEqual(heard.splice(0), ['line 0\n', 'line 1\n'])
    await using silent = new Pool<typeof import('./output-jobs.js')>(jobs, { maxWorkers: 1, stdout: true })
    await silent.run('out', [3])
    assert.deepEqual(heard, [])
  } finally {
    write.mock.restore()
  }
})
