/**
 * Runs one test file in a process of its own and says how it went.
 *
 * Besides its failing tests, a file fails if it crashes, hangs, leaves something running, ends before its tests did, or
 * holds no test at all: none of these may pass for success.
 */

import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './setup.mjs'

const reporter = new URL('./reporter.mjs', import.meta.url).href
const child = fileURLToPath(new URL('./test-child.mjs', import.meta.url))

const running = new Set()
process.on('exit', () => running.forEach(killGroup))

/**
 * Runs `file`; of its tests only those that match the pattern `names`, if given. `eventsFile` is scratch space.
 * Resolves to `{ file, passed, failures: [{ name, error }], skips: [{ path, reason }], output, ms }`.
 */
export async function runFile({ file, names }, eventsFile, timeoutMs) {
  const began = performance.now()
  const flags = ['--enable-source-maps', `--test-reporter=${reporter}`]
  if (names !== undefined) flags.push(`--test-name-pattern=${names}`)
  const test = spawn(process.execPath, [...flags, child, resolve(root, file)], {
    cwd: root,
    env: { URING_VERIFY: '1', ...process.env, URING_TEST_EVENTS: eventsFile },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group of its own, so that nothing it started can outlive it
  })
  running.add(test.pid)
  let output = ''
  for (const stream of [test.stdout, test.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  }
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    killGroup(test.pid)
  }, timeoutMs)
  test.once('exit', () => killGroup(test.pid))
  const [code, signal] = await new Promise((done) => test.once('close', (...how) => done(how)))
  clearTimeout(timer)
  running.delete(test.pid)

  const events = readEvents(eventsFile)
  const passed = events.pass.length
  const skips = events.skip
  const failures = events.fail.map(({ path, error }) => ({ name: path, error }))
  const fail = (name, error = '') => failures.push({ name, error })
  if (timedOut) fail(`hangs: ended after ${timeoutMs / 1000} s`, whereItHangs(events))
  else if (signal !== null) fail(`killed by ${signal}`, `last test begun: ${events.begin.at(-1)?.name ?? 'none'}`)
  else if (events.end.length === 0 && code === 0) fail('ended before its tests did', 'process.exit() in a test?')
  else if (code !== 0 && failures.length === 0) fail(`exit code ${code}`, events.remark.map((e) => e.text).join('\n'))
  else if (names === undefined && passed + failures.length + skips.length === 0) fail('holds no test')
  // What was drawn, should somebody want it again.
  if (failures.length > 0)
    for (const { text } of events.seed)
      output += `\n${text} npm test -- ${file
        .split('/')
        .at(-1)
        .replace(/\.test\.js$/, '')}\n`
  return { file, passed, failures, skips, output, ms: Math.round(performance.now() - began) }
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

/** The lines scripts/reporter.mjs and scripts/test-child.mjs wrote, by kind. */
function readEvents(file) {
  const events = { begin: [], pass: [], fail: [], skip: [], remark: [], seed: [], end: [] }
  if (!existsSync(file)) return events
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const event = JSON.parse(line)
    events[event.kind].push(event)
  }
  return events
}

function whereItHangs({ begin, pass, fail }) {
  if (begin.length === 0) return 'before its first test began'
  const ended = new Set([...pass, ...fail].map(({ name }) => name))
  const open = begin.filter(({ name }) => !ended.has(name))
  if (open.length > 0) return `in the test: ${open.at(-1).name}`
  return `after its last test, ${begin.at(-1).name}: something keeps the event loop alive`
}
