/** What goes to jobs by message is kept by a thread of its own: when that is there, and what becomes of jobs without it. */
import assert from 'node:assert/strict'
import { closeSync, openSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import { Pool, type PoolOptions } from '../../src/pool/pool.js'
import { limitTo, RLIMIT_NOFILE } from '../rlimit.js'
import { Gate, rejectionOf, sharedWords, until } from './gate.js'

type Jobs = typeof import('./jobs.js')

const made: Worker[] = []
process.on('worker', (worker) => made.push(worker))

/** A pool with one thread that is up; `post` is what was made since. */
async function open(options: PoolOptions = {}) {
  const pool = new Pool<Jobs>(new URL('./jobs.js', import.meta.url), { maxWorkers: 1, ...options })
  await pool.run('noop')
  const nrMade = made.length
  return { pool, post: () => made.slice(nrMade) }
}

const isGone = (worker: Worker | undefined) => worker?.threadId === -1

test('there is none where nothing goes by message, then one for all', async () => {
  const { pool, post } = await open()
  await pool.run('echo', ['x'.repeat(100_000)])
  assert.equal(post().length, 0)
  await Promise.all(
    [new Blob([]), new SharedArrayBuffer(8), Buffer.alloc(5e6)].map((value) => pool.run('echo', [value])),
  )
  assert.equal(post().length, 1)
  const { created, workers, died } = pool.stats()
  assert.deepEqual([created, workers, died], [1, [1, 0], 0])
  await pool.close()
  assert(isGone(post()[0]))
})

test('it leaves when it has been idle for long, and another comes', async () => {
  const { pool, post } = await open({ idleTimeoutMs: 20 })
  const sab = new SharedArrayBuffer(8)
  for (let i = 0; i < 3; i++) {
    await pool.run('setWord', [sab, 1, i])
    await pool.run('echo', [new Blob([])])
    const last = post().at(-1)
    await until(() => isGone(last), 'it leaves')
  }
  assert(post().length >= 3)
  assert.equal(new Int32Array(sab)[1], 2)
  await pool.close()
})

test('it stays for a job that is given and not begun', async () => {
  const { pool, post } = await open({ idleTimeoutMs: 1 })
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  const blob = pool.run('echo', [new Blob(['xyz'])])
  const other = new Pool<Jobs>(new URL('./jobs.js', import.meta.url), { maxWorkers: 1, idleTimeoutMs: 1 })
  await other.run('noop')
  await other.close()
  assert(!isGone(post()[0]))
  gate.open()
  assert.equal(((await blob) as Blob).size, 3)
  await held
  await pool.close()
})

test('what it had is lost with it, and the owner answers from then on', async () => {
  const { pool, post } = await open()
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  const sab = new SharedArrayBuffer(8)
  const lost = rejectionOf(pool.run('echo', [new Blob([])]))
  const lent = pool.run('setWord', [sab, 1, 5])
  await post()[0]?.terminate()
  const { port1, port2 } = new MessageChannel()
  const heard = new Promise((resolve) => port1.once('message', resolve))
  const said = pool.run('say', [port2 as MessagePort, 'hello'], { transfer: [port2] })
  const blob = pool.run('echo', [new Blob(['xyz'])])
  gate.open()
  assert.equal((await lost)['code'], 'ERR_URING_WORKER_DIED')
  await Promise.all([held, lent, said])
  assert.equal(new Int32Array(sab)[1], 5)
  assert.equal(await heard, 'hello')
  assert.equal(((await blob) as Blob).size, 3)
  assert.equal(post().length, 1)
  port1.close()
  await pool.close()
})

test('whoever asks when it dies is told', async () => {
  const { pool, post } = await open()
  await pool.run('echo', [new Blob([])])
  const words = sharedWords(2)
  await pool.run('echo', [words.buffer as SharedArrayBuffer])
  const jobs = Array.from({ length: 50 }, () =>
    pool.run('echo', [new Blob(['x'])]).then(
      () => 'ok',
      (error) => error.code,
    ),
  )
  await post()[0]?.terminate()
  const ends = new Set(await Promise.all(jobs))
  assert.deepEqual(
    [...ends].filter((end) => end !== 'ok' && end !== 'ERR_URING_WORKER_DIED'),
    [],
  )
  assert.equal(await pool.run('isSameShared', [words.buffer as SharedArrayBuffer]), false)
  await pool.close()
})

test('of a job that never reads its arguments nothing stays', async () => {
  const { pool } = await open({ maxWorkers: 2 })
  // The postmaster cannot leave meanwhile.
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  const { port1, port2 } = new MessageChannel()
  let isClosed = false
  port1.once('close', () => {
    isClosed = true
  })
  const job = pool.run('nothing' as 'noop', [port2] as unknown as [], { transfer: [port2] })
  assert.match((await rejectionOf(job)).message, /nothing/)
  await until(() => isClosed, 'the port is closed')
  gate.open()
  await held
  await pool.close()
})

test('where no descriptor is left the owner answers', async () => {
  const { pool, post } = await open()
  const top = Math.max(...readdirSync('/proc/self/fd').map(Number))
  const was = limitTo(RLIMIT_NOFILE, BigInt(top + 1))
  const files: number[] = []
  try {
    assert.throws(() => {
      for (;;) files.push(openSync('/dev/null', 'r'))
    })
    assert.equal(((await pool.run('echo', [new Blob(['xyz'])])) as Blob).size, 3)
    assert.equal(await pool.run('isSameShared', [new SharedArrayBuffer(8)]), false)
  } finally {
    for (const fd of files) closeSync(fd)
    limitTo(RLIMIT_NOFILE, was)
  }
  assert.equal(post().length, 0)
  await pool.run('echo', [new Blob([])])
  assert.equal(post().length, 1)
  await pool.close()
})

test('jobs whose threads die get none of what is for others', async () => {
  const { pool } = await open({ maxWorkers: 2 })
  const order: number[] = []
  const ends = Array.from({ length: 200 }, async (_, i) => {
    if (i % 10 === 9) {
      assert.equal((await rejectionOf(pool.run('die', [0])))['code'], 'ERR_URING_WORKER_DIED')
      return
    }
    const key = i % 3 === 0 ? 'k' : undefined
    const bytes = new Uint8Array(300_000).fill(i)
    const options = { key, transfer: [bytes.buffer] }
    const sum =
      i % 2 === 0
        ? await pool.run('sumBytes', [bytes], options)
        : ((await pool.run('echoAll', [new Blob(['x'.repeat(i)]), bytes], options))[0] as Blob).size * 300_000
    assert.equal(sum, i * 300_000)
    if (key !== undefined) order.push(i)
  })
  await Promise.all(ends)
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  )
  await pool.close()
})
