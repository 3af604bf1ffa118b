/**
 * A thread with a waker on its event loop that wakes itself for ever: to be terminated at any instant. Worker thread.
 */
import { parentPort } from 'node:worker_threads'
import { LoopWaker, signal } from './loop.js'

let nrWakes = 0
const waker = new LoopWaker(() => {
  if (++nrWakes === 10) parentPort!.postMessage('awake')
  signal(waker.fd)
})
waker.ref()
signal(waker.fd)
