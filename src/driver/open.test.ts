import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { explain, probe } from '../backends/kernel/probe.js'
import { EPERM } from '../lib/errno.js'
import { code, onEachBackend } from './driver.test.backends.js'
import type { Backend } from './open-options.js'
import { type OpenOptions, Uring } from './uring.js'

onEachBackend('a ring says who carries it and why', async (open, backend) => {
  const ring = await open()
  assert.equal(ring.backend, backend)
  assert.equal(ring.reason, `asked for with backend: '${backend}'`)
})

test('auto takes the kernel exactly where io_uring_setup works', async () => {
  const refusal = probe()
  const source = `import { Uring } from '${new URL('./uring.js', import.meta.url)}'
    const ring = await Uring.open(); console.log(ring.backend + '\\n' + ring.reason)`
  const env = { ...process.env, URING_BACKEND: '' }
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    env,
    encoding: 'utf8',
  })
  const [backend, reason] = stdout.split('\n')
  assert.equal(stderr, '')
  assert.equal(backend, refusal === undefined ? 'kernel' : 'threads')
  if (refusal !== undefined) assert.ok(reason!.includes(refusal.reason))
})

test('bad options reject with a code', async () => {
  const bad: [string, OpenOptions][] = [
    ['ERR_INVALID_ARG_VALUE', { backend: 'epoll' as Backend }],
    ['ERR_OUT_OF_RANGE', { entries: 0 }],
    ['ERR_OUT_OF_RANGE', { entries: 32769 }],
    ['ERR_OUT_OF_RANGE', { entries: 1.5 }],
    ['ERR_INVALID_ARG_TYPE', { entries: '8' as unknown as number }],
    ['ERR_OUT_OF_RANGE', { maxTurnMs: -1 }],
    ['ERR_OUT_OF_RANGE', { maxTurnMs: Number.NaN }],
    ['ERR_INVALID_ARG_TYPE', null as unknown as OpenOptions],
  ]
  for (const [expected, options] of bad) await assert.rejects(Uring.open(options), code(expected))
})

onEachBackend('rings of every size work', async (open) => {
  for (const entries of [1, 2, 3, 1000, 32768]) {
    const ring = await open({ entries })
    const burst = Array.from({ length: 10 }, () => ring.nop())
    assert.deepEqual(new Set(await Promise.all(burst)), new Set([0]))
    await ring.close()
  }
})

test('a refusal is explained in words that say what to do', () => {
  assert.match(explain(EPERM), /io_uring_disabled|seccomp|security policy/)
})
