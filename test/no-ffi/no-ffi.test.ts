import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const preload = fileURLToPath(new URL('./no-ffi.cjs', import.meta.url))

/** Runs a program in which no FFI can load; what it prints is JSON. */
function run(program: string): unknown {
  const args = ['--require', preload, '--input-type=module', '--eval', program]
  const child = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 })
  assert.equal(child.status, 0, child.stderr)
  return JSON.parse(child.stdout)
}

const at = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)

test('without FFI a ring says so in words', () => {
  for (const backend of ['auto', 'kernel', 'threads']) {
    const error = run(`
      const { Uring } = await import(${at('../../lib/index.js')})
      const error = await Uring.open({ backend: '${backend}' }).then(() => undefined, (e) => e)
      console.log(JSON.stringify({ code: error?.code, message: error?.message }))`)
    assert.equal((error as { code: string }).code, 'ERR_URING_NO_FFI')
    assert.match((error as { message: string }).message, /^the addon .*; nor can koffi, .*[^.]\. Rings need one/)
  }
})

test('without FFI the Pool works', () => {
  const sums = run(`
    const { Pool } = await import(${at('../../lib/pool.js')})
    const pool = new Pool(new URL(${at('./jobs.js')}), { maxWorkers: 1 })
    const sums = await Promise.all([1, 2, 3].map((i) => pool.run('add', [i, 10])))
    await pool.close()
    console.log(JSON.stringify(sums))`)
  assert.deepEqual(sums, [11, 12, 13])
})
