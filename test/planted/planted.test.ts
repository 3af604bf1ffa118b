/**
 * The list of planted faults fits the build, and the runner tells a fault that is caught from one that is not. Main
 * thread; `npm run planted` plants them all.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { FAULTS } from './faults.js'
import { faulty, survives } from './plant.js'

const LIMIT_MS = 100_000

test('each fault has a place in the build, and a test', () => {
  for (const fault of FAULTS) {
    assert.notEqual(faulty(fault), '', fault.name)
    assert.ok(existsSync(new URL(`../../${fault.test}.test.js`, import.meta.url)), fault.test)
  }
  assert.equal(new Set(FAULTS.map(({ name }) => name)).size, FAULTS.length)
})

for (const fault of FAULTS.filter(({ test }) => test === 'src/wq/proc')) {
  test(`planted: ${fault.name} is caught`, async () => {
    assert.equal(await survives(fault, LIMIT_MS), undefined)
  })
}

test('what is no fault is not caught', async () => {
  const [fault] = FAULTS.filter(({ test }) => test === 'src/wq/proc')
  assert.ok(fault !== undefined)
  assert.notEqual(await survives({ ...fault, to: fault.from }, LIMIT_MS), undefined)
})
