/** Worker entry of wq-stand.ts: an item notes when it begins and ends, and may wait for its gate in between. */
import { workerData } from 'node:worker_threads'
import { fetchAdd, futexWait, loadAcquire, storeRelease } from '../../src/lib/barrier.js'
import type { WorkerSeat } from '../../src/wq/crew-parts.js'
import { WqMemory } from '../../src/wq/layout.js'
import { WorkerLoop } from '../../src/wq/worker-loop.js'
import { QUICK } from './wq-model.js'
import { ANNOUNCED, BEGAN, CLOCK, ENDED, GATE, ID, KIND, PAYLOAD_HASH, SIGNS } from './wq-stand.js'

const seat = workerData as WorkerSeat
const mem = WqMemory.attach(seat.sab, PAYLOAD_HASH)
const shared = seat.data as Int32Array

const loop = new WorkerLoop(mem, seat.slot, {
  doWork(item) {
    const p = mem.payload(item)
    const signs = SIGNS(mem.words[p + ID]!)
    const announced = mem.words[p + ANNOUNCED] === 1
    storeRelease(shared, signs + BEGAN, fetchAdd(shared, CLOCK, 1))
    if (mem.words[p + KIND] !== QUICK) {
      if (announced) loop.sleeping()
      while (loadAcquire(shared, signs + GATE) === 0) futexWait(shared, signs + GATE, 0, Number.POSITIVE_INFINITY)
      if (announced) loop.running()
    }
    storeRelease(shared, signs + ENDED, fetchAdd(shared, CLOCK, 1))
    return undefined
  },
  onEdge() {},
  onLeave() {
    process.exit()
  },
})
loop.start()
