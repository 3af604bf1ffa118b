/** A thread that takes a number of one, and says which. */
import { parentPort, threadId, workerData } from 'node:worker_threads'
import { takeNumber } from './numbers.js'

parentPort!.postMessage(takeNumber(new Int32Array(workerData as SharedArrayBuffer), 1, threadId))
