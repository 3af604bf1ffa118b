/**
 * `threads` works where node:fs does: under seccomp profiles from before the calls that it would rather make, and where
 * addons are all that the permission model allows. Main thread; each place is a process of its own.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ENOSYS, EPERM } from '../../src/lib/errno.js'

const SECCOMP = fileURLToPath(new URL('../cli/seccomp.js', import.meta.url))
const CHILD = fileURLToPath(new URL('./narrow.child.js', import.meta.url))
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const NO_FILTER = 77

/** Newer calls that old profiles do not know, and those that they refuse to all but root. */
const isArm = process.arch === 'arm64'
// biome-ignore format: table
const CALLS = {
  statx:            isArm ? 291 : 332,
  preadv2:          isArm ? 286 : 327,
  pwritev2:         isArm ? 287 : 328,
  renameat2:        isArm ? 276 : 316,
  openat2:          437,
  process_vm_readv: isArm ? 270 : 310,
  kcmp:             isArm ? 272 : 312,
}

function run(...args: readonly string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 120_000 })
  return { stdout, stderr, status }
}

const noFilter = run(SECCOMP, String(EPERM), process.execPath, '--version').status === NO_FILTER
const SAME = { stdout: 'same\n', stderr: '', status: 0 }

const ALL = ['all of them', Object.values(CALLS).join()] as const
for (const [errno, name, calls] of [
  [EPERM, 'EPERM', [...Object.entries(CALLS), ALL]],
  [ENOSYS, 'ENOSYS', [ALL]],
] as const) {
  const skip = noFilter && 'no seccomp filter can be installed here'
  for (const [call, numbers] of calls) {
    test(`where ${call} is answered with ${name} threads does the same as node:fs`, { skip }, () => {
      assert.deepEqual(run(SECCOMP, `${errno}:${numbers}`, process.execPath, CHILD), SAME)
    })
  }
}

test('under the permission model addons and workers are all that it asks for', () => {
  const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'
  const allow = ['--allow-addons', '--allow-worker', `--allow-fs-read=${ROOT}*`, '--no-warnings']
  const source = (backend: string) => `
    const { Uring } = await import(${JSON.stringify(new URL('../../lib/index.js', import.meta.url).href)})
    const ring = await Uring.open({ backend: '${backend}' }).catch((error) => error)
    if (ring instanceof Error) console.log(ring.code, ring.message)
    else {
      const fd = await ring.openat('/proc/self/status')
      console.log(await ring.read(fd, Buffer.alloc(8), { async: true }))
      await ring.close(fd)
    }`
  const program = ['--input-type=module', '-e', source('threads')]
  assert.deepEqual(run(flag, ...allow, ...program), { stdout: '8\n', stderr: '', status: 0 })
  // Without it, in words that name what to allow.
  const refused = run(flag, ...allow.slice(1), ...program)
  assert.match(refused.stdout, /^ERR_URING_NO_FFI .*disabled.*--allow-addons/)
})
