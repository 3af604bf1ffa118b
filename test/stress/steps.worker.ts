/** Worker entry of the random steps: an item counts itself, and is short, longer, or blocks for an instant. */
import { workerData } from 'node:worker_threads'
import { fetchAdd, futexWait, futexWake, loadAcquire } from '../../src/lib/barrier.js'
import type { WorkerSeat } from '../../src/wq/crew-parts.js'
import { WqMemory } from '../../src/wq/layout.js'
import { WorkerLoop } from '../../src/wq/worker-loop.js'
import { BELL, COUNTS, ID, LOOKS, NAP_MS, PAYLOAD_HASH } from './steps.js'

const seat = workerData as WorkerSeat
const mem = WqMemory.attach(seat.sab, PAYLOAD_HASH)
const shared = seat.data as Int32Array
const never = new Int32Array(new SharedArrayBuffer(4))

const loop = new WorkerLoop(mem, seat.slot, {
  doWork(item) {
    const p = mem.payload(item)
    fetchAdd(shared, COUNTS + mem.words[p + ID]!, 1)
    const looks = mem.words[p + LOOKS]!
    if (looks < 0) {
      loop.sleeping()
      futexWait(never, 0, 0, NAP_MS)
      loop.running()
    }
    for (let i = 0; i < looks; i++) loadAcquire(shared, BELL)
    return undefined
  },
  onEdge() {
    fetchAdd(shared, BELL, 1)
    futexWake(shared, BELL, 1)
  },
  onLeave() {
    process.exit()
  },
})
loop.start()
