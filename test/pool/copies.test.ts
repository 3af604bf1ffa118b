/** A module of jobs with a `uring/pool/job` of its own: bundled into it, or found in another installation. */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import type { SharedKeys } from '../../src/pool/jobs/shared-keys.js'
import { Pool } from '../../src/pool/pool.js'

const lib = fileURLToPath(new URL('../../lib/', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'uring-copies-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

const body = `
  export const aborted = () => {
    reportProgress('looking')
    for (let i = 0; i < 1e8 && !currentSignal().aborted; i++);
    return currentSignal().aborted
  }
  export const heard = () => new Promise((resolve) => {
    const signal = currentSignal()
    signal.addEventListener('abort', () => resolve(signal.reason.name))
    reportProgress('listening')
  })
  export const tells = async () => { reportProgress(1); await null; reportProgress(2) }
  export const carries = async () => { await null; return jobContext('request') }
  export const moves = () => { const b = new Uint8Array([1, 2]); return transferring(b, [b.buffer]) }
`
const names = 'currentSignal, reportProgress, jobContext, transferring'

/** The jobs with a copy of `uring/pool/job` in one file. `alter` makes it a copy of another version. */
async function bundled(name: string, alter = (text: string) => text): Promise<URL> {
  const contents = `import { ${names} } from ${JSON.stringify(join(lib, 'pool-job.js'))}\n${body}`
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: scratch },
    bundle: true,
    format: 'esm',
    platform: 'node',
    write: false,
  })
  const file = join(scratch, `${name}.mjs`)
  writeFileSync(file, alter(outputFiles[0]!.text))
  return pathToFileURL(file)
}

/** The jobs in a package with an installation of its own. */
function installed(): URL {
  const to = join(scratch, 'node_modules/uring/dist/lib')
  mkdirSync(to, { recursive: true })
  for (const file of readdirSync(lib)) {
    if (/^(pool-job|chunk-).*\.js$/.test(file)) cpSync(join(lib, file), join(to, file))
  }
  cpSync(join(lib, '../../package.json'), join(to, '../../package.json'))
  const file = join(scratch, 'installed.mjs')
  writeFileSync(file, `import { ${names} } from 'uring/pool/job'\n${body}`)
  return pathToFileURL(file)
}

const { Pool: Shipped } = (await import(join(lib, 'pool.js'))) as { Pool: typeof Pool }
const modules = { bundled: await bundled('bundled'), installed: installed() }
const pools = { built: Pool, shipped: Shipped }

for (const [pack, PoolOf] of Object.entries(pools)) {
  for (const [kind, url] of Object.entries(modules)) {
    test(`a job has its signal, progress, context and moves with a ${kind} copy (${pack})`, async () => {
      const request = new AsyncLocalStorage<string>()
      await using pool = new PoolOf(url, { maxWorkers: 1, asyncContext: { request } })

      const looking = new AbortController()
      const aborted = pool.run('aborted', [], { signal: looking.signal, onProgress: () => looking.abort() })
      assert.equal(await aborted, true)

      const listening = new AbortController()
      const heard = pool.run('heard', [], { signal: listening.signal, onProgress: () => listening.abort() })
      assert.equal(await heard, 'AbortError')

      const told: unknown[] = []
      await pool.run('tells', [], { onProgress: (value) => told.push(value) })
      assert.deepEqual(told, [1, 2])

      assert.equal(await request.run('r-1', () => pool.run('carries')), 'r-1')
      assert.deepEqual(await pool.run('moves'), new Uint8Array([1, 2]))
    })
  }
}

test('a copy of another protocol is refused by name, whatever the job asks for', async () => {
  const url = await bundled('other', (text) => {
    const other = text.replace(/(JOB_PROTOCOL\w* = )\d+/, '$199')
    assert.notEqual(other, text)
    return other
  })
  await using pool = new Pool(url, { maxWorkers: 1 })
  for (const job of ['aborted', 'heard', 'tells', 'carries', 'moves']) {
    await assert.rejects(pool.run(job), { code: 'ERR_URING_JOB_VERSION', message: /protocol 99, not \d/ }, job)
  }
})

test('what a copy of another protocol marked is refused too', async () => {
  const file = join(scratch, 'marked.mjs')
  writeFileSync(
    file,
    `export const marked = () => ({ value: 1, transfer: [], [Symbol.for('uring.pool.transferring')]: 99, f() {} })`,
  )
  await using pool = new Pool(pathToFileURL(file), { maxWorkers: 1 })
  await assert.rejects(pool.run('marked'), { code: 'ERR_URING_JOB_VERSION' })
})

test('SharedKeys of another copy will do; of another layout they are refused', async () => {
  const { SharedKeys: Other } = (await import(join(lib, 'pool-keys.js'))) as { SharedKeys: typeof SharedKeys }
  const keys = new Other()
  await using pool = new Pool(modules.bundled, { maxWorkers: 1, keys })
  assert.deepEqual(await pool.run('moves', [], { key: 'k' }), new Uint8Array([1, 2]))
  const foreign = { buffer: new SharedArrayBuffer(keys.buffer.byteLength), join: () => assert.fail('joined') }
  assert.throws(() => new Pool(modules.bundled, { keys: foreign as unknown as SharedKeys }), {
    code: 'ERR_INVALID_ARG_VALUE',
  })
})

test('uring/pool/job has no imports: a bundle of it takes nothing else of the package along', () => {
  const text = readFileSync(join(lib, 'pool-job.js'), 'utf8')
  assert.doesNotMatch(text, /^import /m)
})
