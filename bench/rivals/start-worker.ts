/** A thread that posts one message, and does no more: for bench/thread-start.ts. Worker thread. */
import { parentPort } from 'node:worker_threads'

parentPort?.postMessage(undefined)
