/**
 * Waking by a thread, where Node has no Pipe class to be had. Main thread.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { isOpenFd } from './file.js'
import { LoopWaker, signal } from './loop.js'
import { way } from './waiter.test.pipeless.js'

const nrThreads = () => readdirSync('/proc/self/task').length

test('a thread is the way where there is no Pipe', () => {
  assert.equal(way, 'thread')
})

test('it wakes again after each wake-up', async () => {
  let nrWakes = 0
  await new Promise<void>((resolve) => {
    const waker = new LoopWaker(() => {
      nrWakes++
      if (nrWakes < 1000) signal(waker.fd)
      else {
        waker.close()
        resolve()
      }
    })
    waker.ref()
    signal(waker.fd)
  })
  assert.equal(nrWakes, 1000)
})

test('what is signalled while nobody waits wakes then or at the next ref', async () => {
  let nrWakes = 0
  let resolve = () => {}
  const waker = new LoopWaker(() => {
    nrWakes++
    resolve()
  })
  for (let i = 0; i < 20; i++) {
    const before = nrWakes
    signal(waker.fd)
    await turn()
    const woken = new Promise<void>((done) => {
      resolve = done
      if (nrWakes > before) done()
    })
    waker.ref()
    await woken
    waker.unref()
  }
  waker.close()
})

test('close closes the fd, as the last thing the thread does, and nothing wakes afterwards', async () => {
  for (const isReferenced of [true, false]) {
    let isClosed = false
    const waker = new LoopWaker(() => assert.ok(!isClosed, 'woken after close'))
    waker.ref()
    if (!isReferenced) waker.unref()
    signal(waker.fd)
    isClosed = true
    waker.close()
    waker.close()
    while (isOpenFd(waker.fd)) await turn()
  }
})

test('a process with an unreferenced one ends by itself', () => {
  const source = `
    import '${new URL('./waiter.test.pipeless.js', import.meta.url)}'
    const { LoopWaker, signal } = await import('${new URL('./loop.js', import.meta.url)}')
    const idle = new LoopWaker(() => {})
    const used = new LoopWaker(() => { used.unref(); console.log('woken') })
    used.ref()
    signal(used.fd)`
  const args = ['--input-type=module', '-e', source]
  assert.equal(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 }), 'woken\n')
})

test('a Worker that is terminated with one in full swing takes its thread along', async () => {
  const run = async () => {
    const worker = new Worker(fileURLToPath(new URL('./waiter.test.worker.js', import.meta.url)))
    await once(worker, 'message')
    await worker.terminate()
  }
  // libuv's own threads are there from now on.
  await Promise.all(Array.from({ length: 16 }, () => readdir('/proc/self/task')))
  await run()
  const before = nrThreads()
  for (let i = 0; i < 10; i++) await run()
  assert.ok(nrThreads() <= before + 1, `${before} threads before, ${nrThreads()} after 10 terminated Workers`)
})
