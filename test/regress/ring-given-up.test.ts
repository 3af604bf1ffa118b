/** A ring that the kernel takes nothing from any more is given up: everything that waits rejects, and nothing spins. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { EAGAIN, EBUSY, EINTR, ENOSYS, EPERM, errnoName } from '../../src/lib/errno.js'
import { BACKENDS } from '../cli/backends.js'

const CHILD = fileURLToPath(new URL('./ring-given-up.child.js', import.meta.url))
const SECCOMP = fileURLToPath(new URL('../cli/seccomp.js', import.meta.url))
const [kernel] = BACKENDS
const hasFilter = spawnSync(process.execPath, [SECCOMP, `${EPERM}`, process.execPath, '--version']).status === 0
const skip = kernel!.skip || (!hasFilter && 'no seccomp filter can be installed here')

for (const errno of [EPERM, ENOSYS, EAGAIN, EINTR, EBUSY]) {
  const name = errnoName(errno)
  test(`a ring whose enter answers ${name} for ever is given up`, { skip }, () => {
    const child = spawnSync(process.execPath, [CHILD, `${errno}`], { encoding: 'utf8', timeout: 60_000 })
    const given = Array.from({ length: 20 }, (_, i) => `given ${i}: ${name} io_uring_enter`)
    const waits = Array.from({ length: 3 }, (_, i) => `waits ${i}: ${name} io_uring_enter`)
    assert.deepEqual(
      child.stdout.trim().split('\n').sort(),
      [
        'close: undefined',
        'destroy: undefined',
        ...given,
        ...waits,
        `in flight: ${name} io_uring_enter`,
        'later: ERR_INVALID_STATE ',
        'left to others: 4',
      ].sort(),
      child.stderr,
    )
    assert.deepEqual([child.status, child.signal], [0, null])
  })
}
