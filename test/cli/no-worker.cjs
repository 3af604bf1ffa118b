// Preloaded by doctor.test.ts: no Worker can be started, as where Node's permissions forbid it.
const { syncBuiltinESMExports } = require('node:module')
const workerThreads = require('node:worker_threads')

workerThreads.Worker = class {
  constructor() {
    throw new Error('no Worker for you')
  }
}
syncBuiltinESMExports()
