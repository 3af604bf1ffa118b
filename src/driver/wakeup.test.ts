/**
 * How a sleeping event loop is woken by rings: in both ways, and where no descriptor is left for either. Main thread.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('./wakeup.test.child.js', import.meta.url))

for (const backend of ['kernel', 'threads']) {
  for (const way of ['pipe', 'thread']) {
    test(`rings wake their loops by ${way}, in the main thread and in Workers (${backend})`, () => {
      const said = execFileSync(process.execPath, [CHILD, 'wake', backend, way], { encoding: 'utf8', timeout: 60_000 })
      assert.match(said, /^(woken|there is no such backend here: .*)$/m)
    })
  }
}

// Not with threads: what they cannot do at once needs a descriptor.
test('a ring whose loop cannot be woken for want of descriptors looks by itself', () => {
  const script = 'ulimit -n 64; exec "$0" "$1" full kernel pipe'
  const said = execFileSync('/bin/sh', ['-c', script, process.execPath, CHILD], { encoding: 'utf8', timeout: 60_000 })
  assert.match(said, /^(woken|there is no such backend here: .*)$/m)
})
