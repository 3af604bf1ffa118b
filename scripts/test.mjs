/**
 * `npm test -- [--timeout=SECONDS] [SUBJECT…]` builds, then runs the test files, as many at once as there are cores.
 *
 * With subjects it runs the files whose path contains one of them, and of other files the tests whose name does.
 * The last line is the totals. The exit code is 1 if a test failed, or none ran.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt, ensureInstalled, listFiles, root, SetupError } from './setup.mjs'
import { runFile } from './test-process.mjs'

/** Runs the tests, prints each file's result as it ends, and returns the totals. */
export async function runTests(subjects = [], timeoutMs = 240_000) {
  const plan = choose(subjects)
  const scratch = mkdtempSync(join(tmpdir(), 'uring-test-'))
  const results = []
  let next = 0
  const lane = async () => {
    while (next < plan.length) {
      const index = next++
      const result = await runFile(plan[index], join(scratch, `${index}.jsonl`), timeoutMs)
      results.push(result)
      print(result)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
  rmSync(scratch, { recursive: true, force: true })
  printTail(results)
  return count(results)
}

/** The totals, in the words that every command here ends with. */
export function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

function count(results) {
  const totals = { passed: 0, failed: 0, skipped: 0 }
  for (const { passed, failures, skips } of results) {
    totals.passed += passed
    totals.failed += failures.length
    totals.skipped += skips.length
  }
  return totals
}

/** Which files to run, and whether to run all of a file or only the tests with a matching name. */
function choose(subjects) {
  const files = [...listFiles('dist/src'), ...listFiles('dist/test')].filter((file) => file.endsWith('.test.js'))
  if (subjects.length === 0) return files.map((file) => ({ file }))
  const wanted = new RegExp(subjects.map((word) => word.replace(/[^\w\s]/g, '\\$&')).join('|'), 'i')
  return files.flatMap((file) => {
    if (wanted.test(shortName(file))) return [{ file }]
    return wanted.test(textOf(resolve(root, file))) ? [{ file, names: wanted }] : []
  })
}

/** The text of a test file and of the modules below test/ it is made of: a test's name is written in one of them. */
function textOf(file, seen = new Set()) {
  if (seen.has(file)) return ''
  seen.add(file)
  const text = readFileSync(file, 'utf8')
  const imports = [...text.matchAll(/from '(\.[^'\n]+\.js)';?$/gm)].map((match) => resolve(file, '..', match[1]))
  const bodies = imports.filter((path) => path.startsWith(join(root, 'dist/test')))
  return text + bodies.map((path) => textOf(path, seen)).join('')
}

function print(result) {
  const { file, failures, output, ms } = result
  const totals = count([result])
  if (totals.passed + totals.failed + totals.skipped === 0) return // no name in it matched
  console.log(`${failures.length > 0 ? 'FAIL' : 'ok  '} ${shortName(file)}: ${summary(totals)} (${ms} ms)`)
  if (output.trim() !== '') console.log(indent(output))
  for (const { name, error } of failures) console.log(`  FAIL ${name}\n${indent(error)}\n`)
}

/** What a reader of a long log looks for at its end: why tests were skipped, and which failed. */
function printTail(results) {
  const reasons = new Map()
  for (const { reason } of results.flatMap(({ skips }) => skips)) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  for (const [reason, times] of reasons) console.log(`skipped ${times}: ${reason}`)
  const failed = results.flatMap(({ file, failures }) => failures.map(({ name }) => `  ${shortName(file)}: ${name}`))
  if (failed.length > 0) console.log(`failed:\n${failed.join('\n')}`)
}

function shortName(file) {
  return file.replace(/^dist\//, '').replace(/\.js$/, '.ts')
}

function indent(text) {
  return text.trimEnd().replace(/^(?=.)/gm, '    ')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  const args = process.argv.slice(2)
  const seconds = Number(args.find((arg) => arg.startsWith('--timeout='))?.split('=')[1] ?? 240)
  const subjects = args.filter((arg) => !arg.startsWith('--'))
  let totals = { passed: 0, failed: 1, skipped: 0 } // what a failed build counts as
  try {
    ensureInstalled()
    await ensureBuilt()
    totals = await runTests(subjects, seconds * 1000)
  } catch (error) {
    console.error(error instanceof SetupError ? `test: ${error.message}` : error)
  }
  if (totals.passed + totals.failed === 0) console.error('test: no test ran')
  console.log(summary(totals))
  process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1
}
