/**
 * A pool of another thread is there as long as its thread is, though nobody has a descriptor left to look. Main thread;
 * each case is a process of its own, of few descriptors.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const CHILD = fileURLToPath(new URL('./shared-keys-without-descriptors.child.js', import.meta.url))
const SH = 'ulimit -n 200; exec "$0" "$@"'

for (const when of ['before', 'within']) {
  test(`one job of a key runs at a time; descriptors run out, and the other pool joined ${when} that`, async () => {
    const { stdout } = await promisify(execFile)('sh', ['-c', SH, process.execPath, CHILD, when], { timeout: 60_000 })
    assert.deepEqual(JSON.parse(stdout), { early: false, most: 1 })
  })
}
