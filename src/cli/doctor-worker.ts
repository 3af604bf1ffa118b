/**
 * Measures the wake-ups of a Worker's event loop, for `uring doctor`. A Worker runs it, given the backend's name.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { measureWakeUp } from './doctor-wakeup.js'

parentPort?.postMessage(await measureWakeUp(workerData as 'kernel' | 'threads'))
