/** What a module of jobs may be: CommonJS, TypeScript where Node strips types. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Pool } from '../../src/pool/pool.js'
import { rejectionOf } from './gate.js'

const folder = mkdtempSync(join(tmpdir(), 'uring-formats-'))
after(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

test('CommonJS: functions by name, those that Node’s lexer does not see too, and async ones', async () => {
  const path = write(
    'named.cjs',
    `exports.add = (a, b) => a + b
     const more = { sub(a, b) { return a - b }, async later(x) { return x } }
     Object.assign(module.exports, more)
     exports.open = () => { globalThis.isOpen = true }
     exports.isOpen = () => globalThis.isOpen`,
  )
  await using pool = new Pool(path, { maxWorkers: 1, init: 'open' })
  assert.equal(await pool.run('add', [1, 2]), 3)
  assert.equal(await pool.run('sub', [5, 2]), 3)
  assert.equal(await pool.run('later', ['x']), 'x')
  assert.equal(await pool.run('isOpen'), true)
  assert.equal((await rejectionOf(pool.run('toString')))['code'], 'ERR_URING_NO_SUCH_JOB')
})

test('CommonJS: module.exports is a function, or has them', async () => {
  const whole = write('whole.cjs', 'module.exports = (a, b) => a * b')
  await using pool = new Pool(whole, { maxWorkers: 1 })
  assert.equal(await pool.run('default', [2, 3]), 6)
  const made = write('made.cjs', 'const jobs = () => ({ double: (x) => 2 * x }); module.exports = jobs()')
  await using other = new Pool(made, { maxWorkers: 1 })
  assert.equal(await other.run('double', [4]), 8)
})

test('an ES module’s default export', async () => {
  const path = write('default.mjs', 'export default { half: (x) => x / 2 }')
  await using pool = new Pool(path, { maxWorkers: 1 })
  assert.equal(await pool.run('half', [4]), 2)
})

test('TypeScript: runs where Node strips types, else the error says what to do', async () => {
  const path = write('jobs.mts', 'export function add(a: number, b: number): number { return a + b }')
  await using pool = new Pool(path, { maxWorkers: 1 })
  if ((process.features as { typescript?: unknown }).typescript) {
    assert.equal(await pool.run('add', [1, 2]), 3)
    return
  }
  const error = await rejectionOf(pool.run('add', [1, 2]))
  assert.equal(error['code'], 'ERR_URING_JOBS_MODULE')
  assert.match(error.message, /does not load TypeScript by itself: .*--import/)
  assert.equal((error.cause as { code: string }).code, 'ERR_UNKNOWN_FILE_EXTENSION')
})

test('TypeScript: through tsx, as the documentation says, on every Node', async () => {
  const path = write('enum.ts', 'enum Sign { minus = -1 }\nexport const negate = (a: number): number => Sign.minus * a')
  const loader = fileURLToPath(new URL('./tsx.mjs', import.meta.url))
  await using pool = new Pool(path, { maxWorkers: 1, execArgv: ['--import', loader] })
  assert.equal(await pool.run('negate', [3]), -3)
})
