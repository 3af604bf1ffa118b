/**
 * What becomes of requests where no worker can be started. Main thread; a process of its own.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const NO_WORKER = fileURLToPath(new URL('../cli/no-worker.cjs', import.meta.url))
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
