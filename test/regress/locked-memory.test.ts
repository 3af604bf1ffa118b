/** Memory that the kernel gives back late is waited for: an ordinary user's rings stay the kernel's. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { BACKENDS } from '../cli/backends.js'

const CHILD = fileURLToPath(new URL('./locked-memory.child.js', import.meta.url))
const [kernel] = BACKENDS
const skip = kernel!.skip || (process.getuid?.() !== 0 && 'only root can become an ordinary user')

test('rings are opened and closed one after another by who may lock memory for few', { skip }, () => {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', `ulimit -l 128; exec "$0" "$1"`, process.execPath, CHILD], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  assert.deepEqual([status, stdout], [0, '40\n'], stderr)
})
