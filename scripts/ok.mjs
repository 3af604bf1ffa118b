/**
 * `npm run ok` is all a merge needs: build, lint, the package as it would be published, dead code, and every test.
 *
 * Each check counts as one test in the totals, which are the last line. A failing check does not stop the others.
 */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, root, SetupError } from './setup.mjs'
import { runTests, summary } from './test.mjs'

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
const totals = { passed: 0, failed: 0, skipped: 0 }
const failed = []

/** Runs a check, prints one line (and, if it failed, all it said), returns whether it passed. */
async function check(name, body) {
  const began = performance.now()
  let complaint
  try {
    complaint = await body()
  } catch (error) {
    complaint = error instanceof SetupError ? error.message : String(error.stack)
  }
  totals[complaint === undefined ? 'passed' : 'failed']++
  if (complaint !== undefined) failed.push(name)
  console.log(`${complaint === undefined ? 'ok  ' : 'FAIL'} ${name} (${Math.round(performance.now() - began)} ms)`)
  if (complaint !== undefined) console.log(complaint.trimEnd())
  return complaint === undefined
}

/** Runs a command from node_modules or npm; returns undefined, or all it printed if it failed. */
function command(name, ...args) {
  return run(name === 'npm' ? name : join(root, 'node_modules/.bin', name), ...args)
}

function run(path, ...args) {
  const env = { ...process.env, NO_COLOR: '1' }
  const options = { cwd: root, env, encoding: 'utf8', maxBuffer: 1 << 26 }
  const { status, stdout, stderr, error } = spawnSync(path, args, options)
  if (error !== undefined) throw error
  return status === 0 ? undefined : `${stdout}${stderr}`
}

function checkPackage() {
  const folder = mkdtempSync(join(tmpdir(), 'uring-pack-'))
  try {
    // With prepack, which refuses without the binaries of all processors.
    const complaint = command('npm', 'pack', '--pack-destination', folder)
    if (complaint !== undefined) return complaint
    const tarball = join(folder, readdirSync(folder)[0])
    const complaints = [
      command('publint', 'run', tarball, '--strict'),
      command('attw', tarball, '--profile', 'esm-only', '--no-emoji', '--no-color', '--format', 'table-flipped'),
    ]
    return complaints.every((one) => one === undefined) ? undefined : complaints.join('\n')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const installed = await check('install', () => ensureInstalled())
if (installed) {
  const built = await check('build', () => ensureBuilt({ force: true }))
  await check('lint (biome)', () => command('biome', 'check', '--error-on-warnings', '--max-diagnostics=100', '.'))
  await check('dead code (knip)', () => command('knip', '--no-progress', '--no-config-hints'))
  if (built) {
    await check('package (publint, attw)', checkPackage)
    await check('generated docs', () => run(process.execPath, join(root, 'scripts/docs.mjs'), '--check'))
    const tests = await runTests()
    for (const key of Object.keys(totals)) totals[key] += tests[key]
    if (tests.passed + tests.failed === 0) await check('tests', () => 'no test ran')
  }
}
if (failed.length > 0) console.log(`failed checks: ${failed.join('; ')}`)
console.log(summary(totals))
process.exitCode = totals.failed === 0 ? 0 : 1
