// Preloaded by no-worker.test.ts: one Worker can be started, and no other, as where a limit on threads is met.
const { syncBuiltinESMExports } = require('node:module')
const workerThreads = require('node:worker_threads')

let nrStarted = 0
workerThreads.Worker = class extends workerThreads.Worker {
  constructor(...args) {
    if (nrStarted++ > 0) throw new Error('no second Worker for you')
    super(...args)
  }
}
syncBuiltinESMExports()
