/**
 * `uring doctor`, and what `auto` does where a seccomp filter refuses io_uring: a real one. Main thread.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Diagnosis } from '../../src/cli/doctor-run.js'
import { EACCES, EAGAIN, EBUSY, EINTR, ENOSYS, EPERM, errnoName } from '../../src/lib/errno.js'
import { openFds } from '../../src/sys/loop.test.fds.js'
import { BACKENDS } from './backends.js'
import { MAIN } from './hostile-tree.js'
import type { Refused } from './refused.child.js'
import { CALLS } from './seccomp-filter.js'

const SECCOMP = fileURLToPath(new URL('./seccomp.js', import.meta.url))
const NO_FFI = fileURLToPath(new URL('../no-ffi/no-ffi.cjs', import.meta.url))
const REFUSED = fileURLToPath(new URL('./refused.child.js', import.meta.url))
const NO_WORKER = fileURLToPath(new URL('./no-worker.cjs', import.meta.url))
const NO_PIPE = fileURLToPath(new URL('./no-pipe.cjs', import.meta.url))
const [kernel, threads] = BACKENDS

function run(args: readonly string[]) {
  return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
}

const ALL = Object.keys(CALLS).join()

/** `uring ARGS` under a filter that answers with an errno. */
function refused(calls: string, errno: number, ...args: readonly string[]) {
  return run([SECCOMP, `${calls}=${errno}`, process.execPath, MAIN, ...args])
}

const noFilter = refused(ALL, EPERM, '--version').status === 0 ? false : 'no seccomp filter can be installed here'

test('doctor says what each backend has and what auto takes', () => {
  const { stdout, stderr, status } = run([MAIN, 'doctor', '--json'])
  assert.deepEqual([stderr, status], ['', kernel!.skip && threads!.skip ? 1 : 0])
  const found = JSON.parse(stdout) as Diagnosis
  for (const { name, skip } of BACKENDS) {
    const { usable, opcodes, features, setupFlags, wakeUp, wakeUpInWorker } = found.backends[name]
    assert.equal(usable, skip === false, name)
    if (!usable) continue
    for (const opcode of ['NOP', 'OPENAT', 'READ', 'STATX']) assert.ok(opcodes.includes(opcode), `${name} ${opcode}`)
    assert.ok(features.includes('NODROP') && setupFlags.includes('CLAMP'), name)
    for (const found of [wakeUp, wakeUpInWorker]) {
      assert.ok(found !== undefined && found.p99Us >= found.p50Us && found.p50Us > 0, name)
      assert.equal(found.way, 'pipe')
    }
  }
  assert.equal(found.auto.backend, kernel!.skip === false ? 'kernel' : 'threads')
  assert.match(found.ffi.provider ?? '', /^uring_ffi linux-/)
  assert.equal(found.ffi.addonProblem, undefined)
})

test('doctor says which way the loop is woken where Node has no Pipe class to be had', () => {
  const { stdout, stderr, status } = run(['--require', NO_PIPE, MAIN, 'doctor', '--json'])
  assert.deepEqual([stderr, status], ['', kernel!.skip && threads!.skip ? 1 : 0])
  const { backends } = JSON.parse(stdout) as Diagnosis
  for (const { name, skip } of BACKENDS) {
    if (skip !== false) continue
    const { wakeUp, wakeUpInWorker } = backends[name]
    assert.deepEqual([wakeUp?.way, wakeUpInWorker?.way], ['thread', 'thread'], name)
  }
})

test('doctor speaks to people without --json', () => {
  const { stdout, status } = run([MAIN, 'doctor'])
  assert.equal(status, 0)
  assert.match(stdout, /^auto takes +(kernel|threads) \(/m)
  assert.match(stdout, /^threads +works$/m)
  assert.match(stdout, /^ {2}wake-up +p50 [\d.]+ us, p99 [\d.]+ us, Node polls the eventfd$/m)
  assert.match(stdout, /^ {2}in a Worker +p50 [\d.]+ us, p99 [\d.]+ us, Node polls the eventfd$/m)
})

for (const [errno, words] of [
  [EPERM, /EPERM.*a seccomp filter forbids it; in a container allow io_uring_setup/],
  [ENOSYS, /ENOSYS.*a seccomp filter hides it; in a container allow io_uring_setup/],
] as const) {
  test(`where seccomp answers ${errno}, doctor says so, and auto takes threads without a word`, {
    skip: noFilter,
  }, () => {
    const { stdout, stderr, status } = refused(ALL, errno, 'doctor', '--json')
    assert.deepEqual([stderr, status], ['', 0])
    const { auto, backends } = JSON.parse(stdout) as Diagnosis
    assert.equal(auto.backend, 'threads')
    assert.match(auto.reason, words)
    assert.match(backends.kernel.reason ?? '', words)
    assert.equal(backends.threads.usable, true)

    const sum = refused(ALL, errno, 'sum', MAIN)
    assert.deepEqual([sum.stderr, sum.status], ['', 0])
    assert.equal(sum.stdout, run([MAIN, 'sum', MAIN]).stdout)

    const asked = refused(ALL, errno, 'sum', '--backend', 'kernel', MAIN)
    assert.equal(asked.status, 1)
    assert.match(asked.stderr, words)
  })
}

/** From Node 22 on libuv has rings of its own, and aborts where one that it could set up is refused io_uring_enter. */
const libuvAborts = [...openFds().values()].includes('anon_inode:[io_uring]') && 'libuv aborts Node itself there'

for (const call of Object.keys(CALLS)) {
  const skip = noFilter || (call === 'io_uring_enter' && libuvAborts)
  test(`where seccomp refuses ${call}, auto takes threads, and the refusal names the call`, { skip }, () => {
    const errnos = [EPERM, ENOSYS, EACCES, EAGAIN, EINTR, EBUSY]
    const { stdout, stderr } = run([REFUSED, call, ...errnos.map(String)])
    const found = stdout.split('\n', errnos.length).map((line) => JSON.parse(line) as Refused)
    assert.equal(stderr, '')
    for (const [i, errno] of errnos.entries()) {
      const code = errnoName(errno)
      const { backend, reason, error } = found[i]!
      assert.deepEqual([backend, error.code, error.syscall], ['threads', code, call])
      for (const words of [reason, error.message ?? ''])
        assert.match(words, new RegExp(`^${code}: ${call} is refused: `))
    }
  })

  test(`doctor says that seccomp refuses ${call}`, { skip }, () => {
    const { stdout, stderr, status } = refused(call, EPERM, 'doctor', '--json')
    assert.deepEqual([stderr, status], ['', 0])
    const { auto, backends } = JSON.parse(stdout) as Diagnosis
    assert.equal(auto.backend, 'threads')
    assert.match(backends.kernel.reason ?? '', new RegExp(`^EPERM: ${call} is refused: a seccomp filter forbids it`))
  })
}

test('where no Worker can be started the kernel’s ring works all the same', { skip: kernel!.skip }, () => {
  const told = run(['--require', NO_WORKER, MAIN, 'doctor', '--json'])
  const { auto, backends } = JSON.parse(told.stdout) as Diagnosis
  assert.equal(told.status, 0)
  assert.equal(auto.backend, 'kernel')
  assert.deepEqual([backends.kernel.usable, backends.threads.usable], [true, false])
  assert.ok(backends.kernel.wakeUp !== undefined && backends.kernel.wakeUpInWorker === undefined)
  assert.match(run(['--require', NO_WORKER, MAIN, 'doctor']).stdout, /in a Worker +does not work: no Worker for you/)
})

test('without FFI doctor says that there is none', () => {
  const { stdout, status } = run(['--require', NO_FFI, MAIN, 'doctor', '--json'])
  assert.equal(status, 1)
  const { auto, ffi, backends } = JSON.parse(stdout) as Diagnosis
  assert.equal(auto.backend, undefined)
  assert.match(ffi.problem ?? '', /^the addon of this package cannot load: .*; nor can koffi, .*Cannot find module/)
  assert.deepEqual([backends.kernel.usable, backends.threads.usable], [false, false])
})
