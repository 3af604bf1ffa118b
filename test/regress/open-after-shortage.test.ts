/** An open that failed for want of descriptors spoils no later one: the first of a process, as shipped. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { BACKENDS } from '../cli/backends.js'

const CHILD = fileURLToPath(new URL('./open-after-shortage.child.js', import.meta.url))
const HANG_MS = 60_000

for (const { name, skip } of [{ name: 'auto', skip: BACKENDS[1]!.skip }, ...BACKENDS]) {
  test(`a ring opens once descriptors are back [${name}]`, { skip }, () => {
    const command = `ulimit -n 60; exec "$0" "$@"`
    const args = ['-c', command, process.execPath, CHILD, name]
    const child = spawnSync('sh', args, { encoding: 'utf8', timeout: HANG_MS })
    assert.equal(child.stdout, 'EMFILE\n8\n', child.stderr)
    assert.deepEqual([child.status, child.signal], [0, null])
  })
}
