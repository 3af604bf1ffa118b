/**
 * `child.js ENTRY`: uses one entry of the package, as shipped, with so many descriptors left, more each time, and then with
 * all of them back after each; prints a line a case: what went wrong, or null. A process of its own, of few descriptors.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Shipped from '../../src/index.js'
import type { SharedKeys } from '../../src/pool/jobs/shared-keys.js'
import type { NodePools } from '../../src/pool/node-pools.js'
import type { Pool } from '../../src/pool/pool.js'

export interface Case {
  readonly left: number | 'all'
  readonly wrong: { code: unknown; text: string } | null
}

const LEFT = [0, 1, 2, 3, 4, 5, 8, 12]
const LIMIT_MS = 60_000

const lib = (name: string) => import(pathToFileURL(join(import.meta.dirname ?? '', `../../lib/${name}.js`)).href)
const { Uring } = (await lib('index')) as typeof Shipped
const pools = (await lib('pool')) as { Pool: typeof Pool }
const nodes = (await lib('pool-nodes')) as { NodePools: typeof NodePools }
const keys = (await lib('pool-keys')) as { SharedKeys: typeof SharedKeys }
const jobs = new URL('./jobs.js', import.meta.url)

const folder = mkdtempSync(join(tmpdir(), 'uring-descriptors-'))
const file = join(folder, 'file')
writeFileSync(file, 'x'.repeat(5000))

const ENTRIES: Record<string, () => Promise<unknown>> = {
  kernel: () => useRing('kernel'),
  threads: () => useRing('threads'),
  pool: () =>
    usePool(new pools.Pool(jobs, { maxWorkers: 2 }), (pool) => Promise.all([1, 2].map((n) => pool.run('echo', [n])))),
  sync: () => usePool(new pools.Pool(jobs, { maxWorkers: 1 }), async (pool) => pool.runSync('echo', [1])),
  affinity: () => usePool(new pools.Pool(jobs, { maxWorkers: 1, affinity: [0] }), (pool) => pool.run('echo', [1])),
  keys: () =>
    usePool(new pools.Pool(jobs, { keys: new keys.SharedKeys() }), (pool) => pool.run('echo', [1], { key: 1 })),
  nodes: () => usePool(new nodes.NodePools(jobs), (pool) => pool.run('echo', [1])),
}

async function useRing(backend: 'kernel' | 'threads'): Promise<void> {
  const ring = await Uring.open({ backend })
  try {
    await ring.nop()
    const fd = await ring.openat(file, 'r+')
    const bytes = Buffer.alloc(4096)
    try {
      await ring.read(fd, bytes, { position: 0 })
      await ring.write(fd, bytes, { position: 0 })
      await ring.fsync(fd)
      await ring.read(fd, bytes, { position: 0, async: true })
      await ring.statx(file)
    } finally {
      await ring.close(fd)
    }
  } finally {
    await ring.close()
  }
}

async function usePool<P extends { close(): Promise<unknown> }>(
  pool: P,
  use: (pool: P) => Promise<unknown>,
): Promise<void> {
  try {
    await use(pool)
  } finally {
    await pool.close()
  }
}

/** Takes all descriptors but so many. */
function leave(left: number): number[] {
  const fds: number[] = []
  try {
    for (;;) fds.push(openSync('/dev/null', 'r'))
  } catch {
    for (const fd of fds.splice(0, left)) closeSync(fd)
  }
  return fds
}

async function one(use: () => Promise<unknown>, left: number | 'all'): Promise<Case> {
  const fds = left === 'all' ? [] : leave(left)
  let timer: NodeJS.Timeout | undefined
  const hangs = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('it hangs')), LIMIT_MS)
  })
  try {
    await Promise.race([use(), hangs])
    return { left, wrong: null }
  } catch (error) {
    const { code } = error as { code?: unknown }
    const texts: string[] = []
    for (let at: unknown = error; at instanceof Error; at = at.cause) texts.push(at.message)
    return { left, wrong: { code, text: texts.join(' < ') } }
  } finally {
    clearTimeout(timer)
    for (const fd of fds) closeSync(fd)
  }
}

const use = ENTRIES[process.argv[2] ?? '']
if (use === undefined) throw new Error(`the entries are ${Object.keys(ENTRIES).join()}`)
const cases: Case[] = []
for (const left of LEFT) cases.push(await one(use, left))
cases.push(await one(use, 'all'))
for (const left of [0]) cases.push(await one(use, left), await one(use, 'all'))
rmSync(folder, { recursive: true })
console.log(JSON.stringify(cases))
process.exit()
