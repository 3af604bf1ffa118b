/** A Worker that waits for completions ends when it is told to, and lets its process end. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { BACKENDS } from '../cli/backends.js'

const CHILD = fileURLToPath(new URL('./worker-ends-in-a-wait.child.js', import.meta.url))
/** How the child ends then: its status, and what it prints. */
const ENDINGS = { terminate: [0, 'ends\n'], exit: [3, ''], throw: [1, ''] } as const

for (const { name, skip } of BACKENDS) {
  for (const [ending, expected] of Object.entries(ENDINGS)) {
    test(`Workers that wait on a ring of ${name} end by ${ending}`, { skip }, () => {
      const { status, signal, stdout, stderr } = spawnSync(process.execPath, [CHILD, name, ending], {
        encoding: 'utf8',
        timeout: 60_000,
        killSignal: 'SIGKILL',
      })
      assert.deepEqual([signal, status, stdout], [null, ...expected], stderr)
    })
  }
}
