/**
 * Every options object of the package, from one table, as shipped: own properties alone, each read once and before
 * anything is done; a name that is none refused; accessors that call back in, or throw.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Uring } from 'uring'
import { Pool } from 'uring/pool'
import { NodePools } from 'uring/pool/nodes'
import { loadSyscalls, queueInit } from 'uring/ring'

interface Row {
  /** What takes the options, as errors name it. */
  readonly owner: string
  /** Uses them, and what came of them, to the end. Rejects with what is thrown. */
  readonly use: (options: object) => Promise<unknown>
  /** What errors call them; 'options' for most. */
  readonly as?: string
}

const JOBS = new URL('./pool/jobs.js', import.meta.url)
const pool = new Pool(JOBS, { maxWorkers: 1 })
const nodes = new NodePools(JOBS, { maxWorkers: 1, sysfs: '/nowhere' })
const syscalls = await loadSyscalls('threads')
const ring = await Uring.open({ backend: 'threads' })
const fd = await ring.openat('/dev/null', 'r')
const buffer = new Uint8Array(8)
const NOWHERE = '/nowhere/at/all'
after(() => Promise.all([pool.close(), nodes.close(), ring.close()]))

const ROWS: readonly Row[] = [
  { owner: 'Pool', use: async (options) => new Pool(JOBS, options).close() },
  { owner: 'Pool.run', use: async (options) => pool.run('add', [1, 2], options) },
  { owner: 'Pool.runSync', use: async (options) => pool.runSync('add', [1, 2], options) },
  { owner: 'Pool.iterate', use: async (options) => drained(pool.iterate('echo' as never, [[1, 2]] as never, options)) },
  { owner: 'Pool.map', use: async (options) => drained(pool.map([1, 2], 'echo', options)) },
  { owner: 'Pool.cancel', use: async (options) => pool.cancel('nobody', options) },
  { owner: 'Pool.flush', use: async (options) => pool.flush(options) },
  { owner: 'Pool.close', use: async (options) => new Pool(JOBS).close(options) },
  { owner: 'NodePools', use: async (options) => new NodePools(JOBS, options).close() },
  { owner: 'NodePools.run', use: async (options) => nodes.run('add', [1, 2], options) },
  { owner: 'Pool.flush', use: async (options) => nodes.flush(options) },
  { owner: 'Pool.close', use: async (options) => new NodePools(JOBS, { sysfs: '/nowhere' }).close(options) },
  { owner: 'Uring.open', use: async (options) => (await Uring.open(options)).close() },
  { owner: 'this operation', use: async (options) => ring.nop(options) },
  { owner: 'openat', use: async (options) => ring.close(await ring.openat('/dev/null', 'r', 0, options)) },
  { owner: 'fsync', use: async (options) => ring.fsync(fd, options).catch(ignoreRefusal) },
  { owner: 'read and write', use: async (options) => ring.read(fd, buffer, options) },
  { owner: 'unlinkat', use: async (options) => ring.unlinkat(NOWHERE, options).catch(ignoreRefusal) },
  { owner: 'mkdirat', use: async (options) => ring.mkdirat(NOWHERE, 0, options).catch(ignoreRefusal) },
  { owner: 'renameat', use: async (options) => ring.renameat(NOWHERE, NOWHERE, options).catch(ignoreRefusal) },
  { owner: 'linkat', use: async (options) => ring.linkat(NOWHERE, NOWHERE, options).catch(ignoreRefusal) },
  { owner: 'symlinkat', use: async (options) => ring.symlinkat('a', NOWHERE, options).catch(ignoreRefusal) },
  { owner: 'setxattr', use: async (options) => ring.setxattr(NOWHERE, 'user.a', '', options).catch(ignoreRefusal) },
  { owner: 'openat2', use: async (options) => ring.openat2(NOWHERE, {}, options).catch(ignoreRefusal) },
  { owner: 'how of openat2', as: 'how', use: async (options) => ring.openat2(NOWHERE, options).catch(ignoreRefusal) },
  { owner: 'statx', use: async (options) => ring.statx('/dev/null', options) },
  { owner: 'queueInit', use: async (options) => queueInit(syscalls, 8, options).queueExit() },
]

/** What the system says, when the options are fine. */
function ignoreRefusal(error: Error & { code?: string; syscall?: string }): void {
  if (error.syscall === undefined) throw error
}

async function drained(values: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of values);
}

/** The options that there are, as the error for one that is none lists them. */
async function namesOf({ use }: Row): Promise<string[]> {
  const error = await use({ '*': 1 }).then(
    () => assert.fail('taken'),
    (thrown: Error) => thrown,
  )
  return /it knows (.*)$/.exec(error.message)![1]!.split(', ')
}

const nrInFlight = () => [pool.stats(), ...nodes.stats()].map(({ inFlight }) => inFlight)
const IDLE = nrInFlight()

for (const row of ROWS) {
  const { owner, use, as = 'options' } = row

  test(`${owner}: each option is read once, in one order, and before anything is done`, async () => {
    const names = await namesOf(row)
    const read: string[] = []
    const inFlight: number[][] = []
    const given = {}
    for (const name of [...names].reverse()) {
      const get = () => {
        read.push(name)
        inFlight.push(nrInFlight())
      }
      Object.defineProperty(given, name, { get, enumerable: true })
    }
    await use(given)
    assert.deepEqual(read, names)
    assert.deepEqual(
      inFlight,
      names.map(() => IDLE),
    )
  })

  test(`${owner}: an option that is inherited or unknown is refused`, async () => {
    const [name = ''] = await namesOf(row)
    const refused = (options: object, message: RegExp) =>
      assert.rejects(use(options), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message })
    await refused(Object.create({ [name]: undefined }), new RegExp(`'${as}\\.${name}' is inherited`))
    await refused(
      { [`${name}x`]: 1 },
      new RegExp(`'${as}\\.${name}x' is no option of ${owner}: did you mean '${name}'`),
    )
    for (const options of [null, 5, 'text', [], () => {}]) {
      await assert.rejects(use(options as object), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
    }
    assert.deepEqual(nrInFlight(), IDLE)
  })

  test(`${owner}: an accessor that throws ends the call, one that calls back in does not disturb it`, async () => {
    const [name = ''] = await namesOf(row)
    const thrown = new Error('from the accessor')
    const throwing = Object.defineProperty({}, name, {
      enumerable: true,
      get() {
        throw thrown
      },
    })
    await assert.rejects(use(throwing), thrown)
    assert.deepEqual(nrInFlight(), IDLE)
    const inner: Promise<unknown>[] = []
    const calling = Object.defineProperty({}, name, { enumerable: true, get: () => void inner.push(use({})) })
    await use(calling)
    assert.equal(inner.length, 1)
    await inner[0]
  })
}

test('every table of options in the sources has its row', () => {
  const root = fileURLToPath(new URL('../../src', import.meta.url))
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /(?<!\.test)\.ts$/.test(file),
  )
  const owners = sources.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/new OptionTable<[^>]+>\(\s*'([^']+)'/g)].map(
      ([, owner]) => owner,
    ),
  )
  const covered = new Set(ROWS.map(({ owner }) => owner))
  assert.ok(owners.length > 5)
  assert.deepEqual(
    owners.filter((owner) => !covered.has(owner!)),
    [],
  )
})
