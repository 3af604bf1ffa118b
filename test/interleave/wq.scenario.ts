/**
 * io-wq under the explorer: the owner runs the real Wq and Crew, each other thread a slot's real WorkerLoop.
 *
 * The owner follows a script. The check knows io-wq from outside: from the trace it takes when items ran, for their
 * state words are written by ordered steps, and holds against it what came home, was cancelled or died.
 */
import assert from 'node:assert/strict'
import { fetchAdd, futexWait, futexWake, loadAcquire, storeRelease } from '../../src/lib/barrier.js'
import { NONE } from '../../src/lib/mpscq.js'
import {
  ACCT,
  IO_WQ_WORK_CONCURRENT,
  IO_WQ_WORK_HASHED,
  IO_WQ_WORK_UNBOUND,
  ITEM,
  ITEM_RUNNING,
  ITEM_STATE_MASK,
  ITEM_TAKEN,
  NR_ACCTS,
  WAKE_ASLEEP,
  WORKER,
  WORKER_GONE,
  WORKER_IDLE,
  WORKER_NONE,
  WQ,
  WqMemory,
} from '../../src/wq/layout.js'
import * as real from '../../src/wq/worker-loop.js'
import { Wq } from '../../src/wq/wq.js'
import type { Step } from './explorer.js'
import { isKilled, stepNumber, unheld } from './hold.js'
