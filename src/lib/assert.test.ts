/**
 * Assertions: which throw, what, and in which builds.
 */
import check from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { AssertionError, assert, unreachable, VERIFY, verify } from './assert.js'

/** Runs `verify(() => false)` in a process of its own; returns its exit code. */
function verifyIn(env: Record<string, string>): number | null {
  const code = `import { verify } from ${JSON.stringify(new URL('./assert.js', import.meta.url))}; verify(() => false, 'x')`
  return spawnSync(process.execPath, ['--input-type=module', '--eval', code], { env }).status
}

test('a condition that holds is nothing', () => {
  assert(true, 'never seen')
})

test('a broken invariant throws our error, with its code', () => {
  check.throws(
    () => assert(false, 'one and one'),
    (error: AssertionError) =>
      error instanceof AssertionError &&
      error.code === 'ERR_URING_ASSERTION' &&
      error.message === 'uring: internal invariant broken: one and one',
  )
})

test('unreachable throws, and names what came', () => {
  check.throws(() => unreachable('odd' as never, 'kind of op'), /unreachable: kind of op: odd/)
})

test('a dear check is evaluated only in test builds', () => {
  let evaluated = false
  verify(() => {
    evaluated = true
    return true
  }, 'never seen')
  check.equal(evaluated, VERIFY)
})

test('a dear check that fails throws in test builds, and only there', () => {
  check.equal(verifyIn({ URING_VERIFY: '1' }), 1)
  check.equal(verifyIn({}), 0)
})
