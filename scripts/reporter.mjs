/**
 * A node:test reporter: turns the event stream of one file into JSON lines for scripts/test.mjs.
 *
 * Counts leaves only. A suite or a parent test is counted if it failed by itself (a hook, say), not for its children.
 * Writes synchronously, since a test may take the process down at any moment. The `end` line proves that it did not.
 */

import { appendFileSync } from 'node:fs'
import { inspect } from 'node:util'

const eventsFile = process.env.URING_TEST_EVENTS
const NOT_SELECTED = 'test name does not match pattern'
const TOTALS = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/

/** Appends one line to the events file. */
export function note(line) {
  appendFileSync(eventsFile, `${JSON.stringify(line)}\n`)
}

// biome-ignore lint/correctness/useYield: what a reporter yields is printed, and this one prints nothing
export default async function* reporter(source) {
  const names = []
  const hasChild = []
  for await (const { type, data } of source) {
    if (type === 'test:start') names[data.nesting] = data.name
    if (type === 'test:diagnostic' && !TOTALS.test(data.message)) note({ kind: 'remark', text: data.message })
    if (type !== 'test:pass' && type !== 'test:fail') continue

    const { nesting, details } = data
    const isParent = hasChild[nesting + 1] === true || details.type === 'suite'
    hasChild[nesting + 1] = false
    hasChild[nesting] = true

    const path = [...names.slice(0, nesting), data.name].join(' > ')
    const line = { name: data.name, path, ms: Math.round(details.duration_ms) }
    const error = details.error
    if (type === 'test:fail') {
      if (error.failureType !== 'subtestsFailed') note({ kind: 'fail', ...line, error: describe(error) })
    } else if (data.skip !== undefined || data.todo !== undefined) {
      if (data.skip !== NOT_SELECTED) note({ kind: 'skip', ...line, reason: String(data.skip ?? data.todo) })
    } else if (!isParent) {
      note({ kind: 'pass', ...line })
    }
  }
  note({ kind: 'end' })
}

function describe(error) {
  const cause = error.cause ?? error
  const text = typeof cause === 'string' ? cause : inspect(cause, { depth: 8 })
  return text.replace(/\n +at .*\(?node:(internal\/test_runner|async_hooks).*/g, '')
}
