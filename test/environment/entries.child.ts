/** Uses every entry of the package, and says what came of it, one line of JSON for each. A program of its own. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdtempSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Uring } from 'uring'
import { Pool } from 'uring/pool'
import { SharedKeys } from 'uring/pool/keys'
import { NodePools } from 'uring/pool/nodes'
import { addressOf, errnoName, loadSyscalls, prepNop, prepRead, queueInit } from 'uring/ring'
import { enter } from './environments.js'

const { stringify } = JSON
const { env } = process
const exit = process.exit.bind(process)
const Controller = AbortController
const EPOCH = new Date(0)
const { from, alloc } = Buffer
const name = env['TEST_ENVIRONMENT']
const backends = (env['TEST_BACKENDS'] ?? '').split(',') as ('kernel' | 'threads')[]
const JOBS = new URL('./jobs.js', import.meta.url)
const folder = mkdtempSync(join(tmpdir(), 'uring-environment-'))

type Failure = { name?: unknown; code?: unknown; message?: unknown }
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: Failure) => error.code ?? `${error.message}`,
  )

async function useRing(backend: 'kernel' | 'threads'): Promise<unknown> {
  const ring = await Uring.open({ backend })
  const path = join(folder, backend)
  const fd = await ring.openat(path, 'w+')
  const text = from('what was written')
  const wrote = await ring.write(fd, text, { position: 0 })
  const bytes = alloc(64)
  const linked = ring.nop({ link: true })
  const read = await ring.read(fd, bytes, { position: 0 })
  await linked
  const [first, second] = [alloc(4), alloc(64)]
  const many = await ring.readv(fd, [first, second], 0)
  const big = alloc(2 << 20, 'x')
  await ring.write(fd, big, { position: 0 })
  const { stx_size } = await ring.statx(path)
  await ring.fsync(fd)
  await ring.close(fd)
  const missing = await codeOf(ring.openat(join(folder, 'missing')))
  const wrong = await codeOf(ring.read(-1, bytes))
  const unknown = await codeOf(Uring.open({ backned: 1 } as object))
  const controller = new Controller()
  controller.abort()
  const aborted = await codeOf(ring.nop({ signal: controller.signal }))
  const all = await Promise.all(Array.from({ length: 300 }, () => ring.nop()))
  const { inFlight } = ring.stats()
  await ring.close()
  const destroyed = await Uring.open({ backend })
  const pending = Array.from({ length: 8 }, () => codeOf(destroyed.nop()))
  await destroyed.destroy()
  await Promise.all(pending)
  return [
    wrote,
    read,
    bytes.toString('latin1', 0, wrote),
    many,
    stx_size,
    missing,
    wrong,
    unknown,
    aborted,
    all.length,
    inFlight,
  ]
}

async function useBareRing(backend: 'kernel' | 'threads'): Promise<unknown> {
  const ring = queueInit(await loadSyscalls(backend), 8)
  const bytes = alloc(8)
  prepNop(ring.sq.words, ring.sq.getSqe())
  prepRead(ring.sq.words, ring.sq.getSqe(), -1, addressOf(bytes), 8, 0)
  const consumed = ring.submitAndWait(2)
  const results: unknown[] = []
  for (let cqe = ring.cq.peekCqe(); cqe !== undefined; cqe = ring.cq.peekCqe()) {
    results.push(cqe.res < 0 ? errnoName(-cqe.res) : cqe.res)
    ring.cq.cqeSeen()
  }
  ring.queueExit()
  return [consumed, ...results]
}

async function usePool(pool: Pool<typeof import('./jobs.js')>): Promise<unknown> {
  const run = pool.run.bind(pool) as unknown as (name: string, args?: unknown[], options?: object) => Promise<unknown>
  const sum = await run('add', [1, 2])
  const value = {
    at: 1,
    list: [1, 'two', null],
    map: new Map([['key', { deep: true }]]),
    when: EPOCH,
    set: new Set([1]),
  }
  const copy = (await run('echo', [value])) as typeof value
  const whole =
    copy.at === 1 && copy.list.length === 3 && copy.map.get('key')!.deep && copy.when.getTime() === 0 && copy.set.has(1)
  const long = ((await run('echo', ['x'.repeat(5 << 20)])) as string).length
  const bytes = ((await run('echo', [new Uint8Array(100_000).fill(7)])) as Uint8Array)[99_999]
  const moved = (await run('moved')) as Uint8Array
  const later = await run('later', [{ a: 1 }])
  const failure = (await run('fail', ['bad']).catch((error: unknown) => error)) as Error & {
    code: string
    detail: unknown
  }
  const failed = [
    failure instanceof RangeError,
    failure.message,
    failure.code,
    (failure.cause as Error).message,
    failure.detail,
  ]
  const missing = await codeOf(run('nothing'))
  const wrong = await codeOf(run('add', [1, 2], { timeot: 1 }))
  const timedOut = await codeOf(run('untilAborted', [], { timeout: 5 }))
  const controller = new Controller()
  const { signal } = controller
  const aborted = await run('untilAborted', [], { signal, onProgress: () => controller.abort() })
  const told: unknown[] = []
  await run('progress', [3], { onProgress: (it: { i: number }) => told.push(it.i) })
  const counted: unknown[] = []
  for await (const it of pool.iterate('count', [40])) counted.push(it)
  const mapped: unknown[] = []
  for await (const it of pool.map([1, 2, 3], 'echo')) mapped.push(it)
  const keyed = await Promise.all([1, 2, 3].map((i) => run('add', [i, i], { key: 'k', priority: i, id: i })))
  const store = new AsyncLocalStorage<unknown>()
  const carried = new Pool<typeof import('./jobs.js')>(JOBS, {
    maxWorkers: 1,
    asyncContext: { store },
    workerData: name,
    init: 'init',
  })
  const context = await store.run({ request: 1 }, () => carried.run('context'))
  await carried.destroy()
  const sync = pool.runSync('add', [20, 22])
  await pool.flush({ timeout: 10_000 })
  await pool.recycle()
  const after = await run('add', [2, 2])
  return [
    sum,
    whole,
    long,
    bytes,
    moved.length,
    later,
    failed,
    missing,
    wrong,
    timedOut,
    aborted,
    told,
    counted.length,
    mapped,
    keyed,
    context,
    sync,
    after,
  ]
}

async function useNodes(): Promise<unknown> {
  const pools = new NodePools<typeof import('./jobs.js')>(JOBS, {
    maxWorkers: 1,
    sysfs: '/nowhere',
    workerData: name,
    init: 'init',
  })
  const sum = await pools.run('add', [1, 2], { key: 1 })
  await pools.close({ timeout: 10_000 })
  return sum
}

async function useKeys(): Promise<unknown> {
  const keys = new SharedKeys()
  const [a, b] = [0, 1].map(
    () =>
      new Pool<typeof import('./jobs.js')>(JOBS, {
        maxWorkers: 1,
        maxUnbounded: 1,
        keys,
        workerData: name,
        init: 'init',
      }),
  )
  const sums = await Promise.all([a!, b!, a!, b!].map((pool, i) => pool.run('later', [i], { key: 'k' })))
  await Promise.all([a!.close(), b!.close()])
  return sums
}

const pool = new Pool<typeof import('./jobs.js')>(JOBS, {
  maxWorkers: 2,
  workerData: name,
  init: 'init',
  queueLimit: 100,
})
await pool.run('add', [1, 1])
enter('after', name)

async function tell(entry: string, use: () => Promise<unknown>): Promise<void> {
  let line: string
  try {
    line = stringify([entry, await use()])
  } catch (error) {
    let text: string
    try {
      text = `${(error as Error).message} ${(error as Error).stack}`
    } catch {
      text = `${(error as Error).message}, and has no stack`
    }
    line = stringify([entry, `threw ${text}`])
  }
  writeSync(1, `${line}\n`)
}

for (const backend of backends) {
  await tell(`uring ${backend}`, () => useRing(backend))
  await tell(`uring/ring ${backend}`, () => useBareRing(backend))
}
await tell('uring/pool', () => usePool(pool))
await tell('uring/pool/nodes', useNodes)
await tell('uring/pool/keys', useKeys)
await tell('close', () => pool.close().then(() => pool.stats().workers))
rmSync(folder, { recursive: true })
exit(0)
