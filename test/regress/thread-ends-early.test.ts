/** A thread that ends while FFI loads in its workers does not take the process with it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

test('threads end while the workers of their rings are coming up', () => {
  const child = fileURLToPath(new URL('./thread-ends-early.child.js', import.meta.url))
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [child], { encoding: 'utf8', timeout: 60_000 })
  assert.deepEqual([status, signal, stdout], [0, null, 'ends\n'], stderr)
})
