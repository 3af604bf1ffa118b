/**
 * coverage.md says the truth: the bodies that it names are there. Main thread.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('../../../test/conformance/', import.meta.url))
const page = readFileSync(`${FOLDER}coverage.md`, 'utf8')
const sources = new Map(
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => [file.slice(0, -'.test.ts'.length), readFileSync(FOLDER + file, 'utf8')]),
)

/** Rows of the page's first table: [scenarios, bodies, backends]. */
const rows = [...page.matchAll(/^\| (`.*?) \| (.*?) \| (.*?) \|$/gm)].map(([, ...cells]) => cells as string[])

test('every body that coverage.md names is in the file it names', () => {
  const wrong: string[] = []
  for (const [, bodies] of rows) {
    let file = ''
    for (const part of bodies!.split('; ')) {
      const [, named, body] = /^(?:([a-z-]+): )?(.*)$/.exec(part)!
      file = named ?? file
      // What a loop puts into names stands in braces.
      const begins = body!.split('{')[0]!.trim()
      if (sources.get(file)?.includes(begins) !== true) wrong.push(`${file}: ${begins}`)
    }
  }
  assert.deepEqual(wrong, [])
  assert.ok(rows.length > 100)
})

test('coverage.md says once of each scenario, or each part of one, where it is covered or why not', () => {
  const covered = rows.flatMap(([scenarios]) => scenarios!.match(/`[^`]+`(?: \([^)]*\))?/g) ?? [])
  const open = [...page.matchAll(/^- (`.*?`): /gm)].flatMap(([, names]) => names!.match(/`[^`]+`/g) ?? [])
  const all = [...covered, ...open]
  assert.deepEqual(
    all.filter((name, i) => all.indexOf(name) !== i),
    [],
  )
})
