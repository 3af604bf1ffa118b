/**
 * Every entry of the package with hardly a descriptor left: nothing hangs, what fails says by code and words for want of
 * what, and all is well with descriptors back. Main thread; each entry in a process of its own.
 */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { probe } from '../../src/backends/kernel/probe.js'
import type { Case } from './child.js'

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url))
const CLI = fileURLToPath(new URL('../../lib/uring.js', import.meta.url))
/** Of so many Node itself just runs a program. */
const LEAST = Array.from({ length: 40 }, (_, i) => 10 + i).find((limit) => {
  const { status } = spawnSync('sh', ['-c', `ulimit -n ${limit}; exec "$0" -e 0`, process.execPath])
  return status === 0
})!
const LIMITS = [0, 1, 3, 6, 200].map((more) => LEAST + more)
const NAMES = /EMFILE|too many open files|descriptor|thread is gone/i

for (const entry of ['kernel', 'threads', 'pool', 'sync', 'affinity', 'keys', 'nodes']) {
  const skip = entry === 'kernel' ? (probe()?.reason ?? false) : false
  test(`few descriptors: ${entry}`, { skip }, async () => {
    const sh = 'ulimit -n 120; exec "$0" "$@"'
    const { stdout } = await promisify(execFile)('sh', ['-c', sh, process.execPath, CHILD, entry], { timeout: 200_000 })
    const cases = JSON.parse(stdout) as Case[]
    assert.ok(
      cases.some(({ wrong }) => wrong !== null),
      'with none left it cannot work',
    )
    for (const { left, wrong } of cases) {
      if (wrong === null) continue
      assert.notEqual(left, 'all', `with descriptors back: ${wrong.code} ${wrong.text}`)
      assert.equal(typeof wrong.code, 'string', `${left} left: ${wrong.text}`)
      assert.match(wrong.text, NAMES, `${left} left: ${wrong.code}`)
    }
  })
}

for (const args of [
  ['sum', 'package.json'],
  ['doctor', '--json'],
]) {
  test(`few descriptors: uring ${args[0]} ends, and says why it fails`, async () => {
    let worked = 0
    for (const limit of LIMITS) {
      const sh = `ulimit -n ${limit}; exec "$0" "$@"`
      const run = promisify(execFile)('sh', ['-c', sh, process.execPath, CLI, ...args], { timeout: 100_000 })
      const { code, signal, text } = await run.then(
        ({ stdout }) => ({ code: 0, signal: null, text: stdout }),
        (error) => ({ code: error.code, signal: error.signal, text: `${error.stdout}${error.stderr}` }),
      )
      assert.equal(signal, null, `${limit} descriptors: ${text}`)
      if (code === 0) worked++
      else assert.match(text, NAMES, `${limit} descriptors, status ${code}`)
    }
    assert.ok(worked > 0)
  })
}
