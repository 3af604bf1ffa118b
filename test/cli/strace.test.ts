/**
 * `uring sum --backend threads` makes no io_uring system call. Main thread.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { BACKENDS } from './backends.js'
import { MAIN, shell, temporaryDirectory } from './hostile-tree.js'

const canTrace = shell('strace -f -o /dev/null true').status === 0
const noStrace = canTrace ? false : 'strace is not here, or may not trace'

const LIBUV_MAKES_RINGS = Number(process.versions.node.split('.')[0]) >= 22

for (const { name: backend, skip } of BACKENDS) {
  test(`${backend}: strace sees ${backend === 'threads' ? 'no ring call' : 'ring calls'}`, {
    skip: skip || noStrace,
  }, () => {
    using temporary = temporaryDirectory()
    const log = join(temporary.path, 'log')
    const options = ['-e', 'trace=io_uring_setup,io_uring_enter,io_uring_register']
    // libuv makes rings of its own there, and does without where it cannot. So must ours.
    if (backend === 'threads' && LIBUV_MAKES_RINGS) options.push('-e', 'inject=io_uring_setup:error=EPERM')
    const args = [process.execPath, MAIN, 'sum', import.meta.dirname, '--backend', backend]
    const { status, stderr } = shell('log=$1; shift; exec strace -f -o "$log" "$@"', [log, ...options, ...args])
    assert.equal(status, 0, stderr)
    const seen = readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.includes('io_uring_') && !line.includes('(INJECTED)'))
    if (backend === 'threads') assert.deepEqual(seen, [])
    else assert.ok(seen.length > 0)
  })
}
