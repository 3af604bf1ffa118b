/**
 * What is said of a thread with and without descriptors, of one that there is and one that is gone. Main thread.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { GONE, hasNoOthers, isThreadAsleep, isThreadGone, threadIds, threadStart } from './proc.js'
import { currentTid } from './thread-name.js'

test('this thread is there, began, and is awake', () => {
  const me = currentTid()
  assert.equal(isThreadGone(me), false)
  assert.ok(threadStart(me) > 0)
  assert.equal(isThreadAsleep(me), false)
  assert.ok(threadIds()!.has(String(me)))
  assert.equal(threadStart(0), 0)
})

test('a thread that has ended is gone', async (t) => {
  const before = threadIds()!
  const worker = new Worker('setInterval(() => {}, 1000)', { eval: true })
  t.after(() => worker.terminate())
  await once(worker, 'online')
  assert.equal(hasNoOthers(before), false)
  assert.equal(hasNoOthers(threadIds()!), true)
  const made = [...threadIds()!].filter((tid) => !before.has(tid)).map(Number)
  for (const tid of made) assert.equal(isThreadGone(tid), false)
  const during = threadIds()!
  await worker.terminate()
  assert.equal(hasNoOthers(during), true)
  const gone = made.filter((tid) => isThreadGone(tid))
  assert.ok(gone.length > 0)
  for (const tid of gone) assert.equal(threadStart(tid), GONE)
})

test('without a descriptor who is there is not gone, and who is gone still is', () => {
  const text = `
    const { GONE, isThreadAsleep, isThreadGone, threadIds, threadStart } = await import(${JSON.stringify(new URL('./proc.js', import.meta.url).href)})
    const { openSync, writeSync } = await import('node:fs')
    try { for (;;) openSync('/dev/null', 'r') } catch {}
    const me = process.pid
    const none = 0x3fffffff
    const code = (call) => { try { call() } catch (error) { return error.code } }
    writeSync(1, JSON.stringify([isThreadGone(me), threadStart(me), isThreadAsleep(me) ?? null, code(threadIds), isThreadGone(none), threadStart(none) === GONE]))
    process.exit()`
  const sh = 'ulimit -n 60; exec "$0" --input-type=module -e "$1"'
  const found = execFileSync('sh', ['-c', sh, process.execPath, text], { encoding: 'utf8' })
  assert.deepEqual(JSON.parse(found), [false, 0, null, 'EMFILE', true, true])
})
