import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { isOpenFd } from './file.js'
import { LoopWaker, signal } from './loop.js'
import { nrOpenFds } from './loop.test.fds.js'

test('a signal wakes the loop, and several before it runs wake it once', async () => {
  let nrWakes = 0
  await new Promise<void>((resolve) => {
    const waker = new LoopWaker(() => {
      nrWakes++
      waker.close()
      resolve()
    })
    waker.ref()
    for (let i = 0; i < 5; i++) assert.equal(signal(waker.fd), 8)
  })
  await turn()
  assert.equal(nrWakes, 1)
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

test('close closes the fd, and nothing wakes afterwards', async () => {
  const waker = new LoopWaker(() => assert.fail('woken after close'))
  signal(waker.fd)
  waker.close()
  await turn()
  await turn()
  assert.ok(!isOpenFd(waker.fd))
})

test('a Worker that is terminated with a waker in full swing leaves the process and no fd behind', async () => {
  const run = async () => {
    const worker = new Worker(new URL('./loop.test.worker.js', import.meta.url))
    await once(worker, 'message')
    await worker.terminate()
  }
  await run()
  const before = nrOpenFds()
  for (let i = 0; i < 20; i++) await run()
  assert.ok(nrOpenFds() <= before + 1, `${before} fds before, ${nrOpenFds()} after 20 terminated Workers`)
})
