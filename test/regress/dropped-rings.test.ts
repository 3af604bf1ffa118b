/** A ring that is dropped is closed when it is collected, with a warning. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { BACKENDS } from '../cli/backends.js'

const CHILD = fileURLToPath(new URL('./dropped-rings.child.js', import.meta.url))

for (const { name, skip } of BACKENDS) {
  test(`dropped rings of ${name} are closed, and a warning says so`, { skip }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', '--no-warnings', CHILD, name], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    assert.deepEqual(
      [status, stdout.trim().split('\n')],
      [0, ['0 descriptors, 20 warnings', 'true', '0 descriptors, 40 warnings']],
      stderr,
    )
  })
}
