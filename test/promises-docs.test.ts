/** The examples of docs/promises.md run as they stand there, on both backends, and print what they should. Main thread. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { probe } from '../src/backends/kernel/probe.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(join(ROOT, 'docs/promises.md'), 'utf8')
const examples = [...page.matchAll(/^## ([^\n]*)\n(?:(?!^## )[\s\S])*?^```js\n([\s\S]*?)^```$/gm)]

/** What each prints. */
const PRINTS: Readonly<Record<string, string>> = {
  Files: 'two 8\n',
  Names: 'EXDEV\n',
  Space: '3\n',
  Attributes: 'a scanner\n',
  Chains: '5 0\n',
}

// `await using` is not in all that this runs on: the rings end with the process.
const code = (text: string) => text.replaceAll('await using', 'const')

for (const backend of ['kernel', 'threads']) {
  const skip = backend === 'kernel' ? (probe()?.reason ?? false) : false
  for (const [, title, text] of examples) {
    const subject = title!.split(':')[0]!
    test(`${subject}: the example runs (${backend})`, { skip }, (t) => {
      // Inside of the package, so that it can import it by name.
      const folder = mkdtempSync(join(ROOT, 'dist/promises-docs-'))
      t.after(() => rmSync(folder, { recursive: true }))
      writeFileSync(join(folder, 'example.mjs'), code(text!))
      const env = { ...process.env, URING_BACKEND: backend }
      const child = spawnSync(process.execPath, ['example.mjs'], {
        cwd: folder,
        encoding: 'utf8',
        timeout: 60_000,
        env,
      })
      assert.equal(child.stdout, PRINTS[subject], child.stderr)
    })
  }
}

test('each family has an example', () => {
  assert.deepEqual(
    examples.map(([, title]) => title!.split(':')[0]),
    Object.keys(PRINTS),
  )
})
