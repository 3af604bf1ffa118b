/**
 * What becomes of requests where no worker can be started. Main thread; a process of its own.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const NO_WORKER = fileURLToPath(new URL('../cli/no-worker.cjs', import.meta.url))
const ONE_WORKER = fileURLToPath(new URL('one-worker.cjs', import.meta.url))
const MODULE = new URL('../../src/driver/uring.js', import.meta.url).href

test('what waits for a worker is cancelled, and the error says why there was none', () => {
  const source = `import { Uring } from '${MODULE}'
    const ring = await Uring.open({ backend: 'threads' })
    const told = await ring.nop({ async: true }).catch(({ code, cause }) => [code, cause?.message])
    const inline = await ring.nop()
    const controller = new AbortController()
    const aborted = ring.nop({ async: true, signal: controller.signal }).catch(({ name, cause }) => [name, cause])
    controller.abort('enough')
    console.log(JSON.stringify([told, inline, await aborted]))
    await ring.close()`
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--require', NO_WORKER, '--input-type=module', '-e', source],
    { encoding: 'utf8', timeout: 60_000 },
  )
  assert.equal(status, 0, stderr)
  const [told, inline, aborted] = JSON.parse(stdout) as [[string, string], number, [string, string]]
  assert.equal(told[0], 'ECANCELED')
  assert.match(told[1], /worker/i)
  assert.equal(inline, 0)
  assert.deepEqual(aborted, ['AbortError', 'enough'])
})

test('so is what waits for a worker of one kind while one of the other is up, and no other is told that reason', () => {
  const source = `import { Uring } from '${MODULE}'
    import { execFileSync } from 'node:child_process'
    import { mkdtempSync, openSync, rmSync } from 'node:fs'
    import { tmpdir } from 'node:os'
    import { join } from 'node:path'
    const dir = mkdtempSync(join(tmpdir(), 'uring-one-worker-'))
    execFileSync('mkfifo', [join(dir, 'fifo')])
    const fifo = openSync(join(dir, 'fifo'), 'r+')
    rmSync(dir, { recursive: true })
    const ring = await Uring.open({ backend: 'threads' })
    const bounded = await ring.nop({ async: true })
    const end = (promise) => promise.catch(({ code, cause }) => [code, cause?.message, cause?.cause?.message])
    const [read, behind] = await Promise.all([end(ring.read(fifo, Buffer.alloc(4), { link: true })), end(ring.nop())])
    const [, spoiled] = await Promise.all([end(ring.read(-1, Buffer.alloc(4), { link: true })), end(ring.nop())])
    console.log(JSON.stringify({ bounded, read, behind, spoiled, after: await ring.nop({ async: true }) }))
    await ring.close()`
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--require', ONE_WORKER, '--input-type=module', '-e', source],
    { encoding: 'utf8', timeout: 60_000 },
  )
  assert.equal(status, 0, stderr)
  const { bounded, read, behind, spoiled, after } = JSON.parse(stdout)
  assert.deepEqual([bounded, after], [0, 0])
  for (const [code, message, cause] of [read, behind]) {
    assert.equal(code, 'ECANCELED')
    assert.match(message, /^no thread could be started.*ulimit -u.*pids\.max.*no second Worker for you$/)
    assert.equal(cause, 'no second Worker for you')
  }
  assert.deepEqual(spoiled, ['ECANCELED', null, null])
})
