/**
 * A thread of barrier.test.ts that sleeps until it is woken, and says how that ended.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { futexWait } from './barrier.js'

parentPort?.postMessage(futexWait(workerData as Int32Array, 0, 0, 20_000))
