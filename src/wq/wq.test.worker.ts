/** Worker entry of wq.test.ts: runs what an item's payload says. */
import { workerData } from 'node:worker_threads'
import { fetchAdd, futexWait, futexWake, loadAcquire, setStepHook, storeRelease } from '../lib/barrier.js'
import type { WorkerSeat } from './crew-parts.js'
import { ACCT, HOLDER_WORKER0, IO_WQ_WORK_CANCEL, ITEM, WORKER, WqMemory } from './layout.js'
import { wakeOwner } from './wakes.js'
import { WorkerLoop } from './worker-loop.js'
import {
  A,
  ARRIVED,
  B,
  DIE,
  DIE_IN_LOCK,
  DIE_IN_STEP,
  HOLD,
  HOLD_TAKEN,
  INSIDE,
  NOTE,
  OP,
  RELEASED,
  RESULT,
  WAIT_CANCEL,
} from './wq.test.ops.js'

const seat = workerData as WorkerSeat
const mem = WqMemory.attach(seat.sab, 1)
const { words } = mem
const shared = (seat.data as { shared: Int32Array }).shared

/** Ends this thread before its n-th ordered access from here on. */
function dieInStep(n: number): void {
  let steps = 0
  setStepHook(() => {
    if (++steps < n) return undefined
    setStepHook(undefined)
    process.exit(1)
  })
}

function hold(gate: number): void {
  fetchAdd(shared, gate + ARRIVED, 1)
  while (loadAcquire(shared, gate + RELEASED) === 0) futexWait(shared, gate + RELEASED, 0, 1000)
}

/** Holds this thread once it has named the item in the word `at` as its own, and not begun it. */
function holdTaken(gate: number, at: number): void {
  setStepHook((kind, on, index) => {
    if (kind !== 'cmpxchg' || on !== words || index !== mem.item(shared[at]! - 1) + (ITEM.at.state >> 2))
      return undefined
    setStepHook(undefined)
    hold(gate)
    return undefined
  })
}

const loop = new WorkerLoop(mem, seat.slot, {
  doWork(item) {
    const p = mem.payload(item)
    const a = words[p + A]!
    words[p + RESULT] = 0
    switch (words[p + OP]) {
      case HOLD:
        hold(a)
        break
      case NOTE:
        storeRelease(shared, a + 1 + fetchAdd(shared, a, 1), words[p + B]!)
        break
      case INSIDE: {
        const others = fetchAdd(shared, a, 1)
        for (let i = 0; i < words[p + B]!; i++) loadAcquire(shared, a)
        fetchAdd(shared, a, -1)
        words[p + RESULT] = others
        break
      }
      case WAIT_CANCEL:
        fetchAdd(shared, a + ARRIVED, 1)
        while ((loadAcquire(words, mem.item(item) + (ITEM.at.flags >> 2)) & IO_WQ_WORK_CANCEL) === 0);
        words[p + RESULT] = 1
        break
      case DIE:
        process.exit(1)
        break
      case DIE_IN_LOCK: {
        const acct = words[mem.worker(seat.slot) + (WORKER.at.acct >> 2)]!
        storeRelease(words, mem.acct(acct) + (ACCT.at.lock >> 2), seat.slot + HOLDER_WORKER0)
        process.exit(1)
        break
      }
      case DIE_IN_STEP:
        dieInStep(words[p + B]!)
        break
      case HOLD_TAKEN:
        holdTaken(a, words[p + B]!)
        break
      default:
        break
    }
    return undefined
  },
  onEdge() {
    wakeOwner(mem, false)
    futexWake(shared, 0, 1)
  },
  onLeave() {
    process.exit()
  },
})
loop.start()
