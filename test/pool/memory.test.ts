/** What a job takes while it waits, and that it gives all of it back. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('./memory-child.js', import.meta.url))
const LIMIT_BYTES = 256

test(`a job that waits takes at most ${LIMIT_BYTES} bytes beside its arguments, and none when it has gone`, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CHILD], { encoding: 'utf8', timeout: 60_000 })
  assert.equal(status, 0, stderr)
  const { waiting, left } = JSON.parse(stdout) as { waiting: number; left: number }
  assert.ok(waiting <= LIMIT_BYTES, `${waiting} bytes a job`)
  assert.ok(left < LIMIT_BYTES / 16, `${left} bytes a job are left`)
})
