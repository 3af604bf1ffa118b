/**
 * The README's examples run as they stand there. Main thread; each is a process.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const blocks = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(
  ([, code]) => code!,
)

test('the examples of the README run', (t) => {
  // Inside of the package, so that it can import itself by name.
  const folder = mkdtempSync(join(ROOT, 'dist/readme-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'jobs.js'), blocks.find((code) => code.startsWith('// jobs.js'))!)
  const outputs = blocks
    .filter((code) => code.includes("from 'uring"))
    .map((code, i) => {
      const file = join(folder, `example-${i}.mjs`)
      writeFileSync(file, code)
      const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 30_000 })
      assert.equal(status, 0, stderr)
      return stdout
    })
  assert.equal(outputs.length, 2)
  assert.match(outputs[0]!, /^(kernel|threads) .*\n\d+ /)
  assert.match(outputs[1]!, /^2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824$/m)
})
