/**
 * Worker entry of the threads backend: a WorkerLoop with opdef's issue as doWork. Runs on worker threads alone.
 *
 * It accesses requests in its hands, and only sq_flags of a ring. Counterpart: io_wq_submit_work.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { assert } from '../../lib/assert.js'
import { loadAcquire } from '../../lib/barrier.js'
import { exit } from '../../lib/globals.js'
import { watchWriters } from '../../lib/writers.js'
import { bindAll } from '../../sys/libc.js'
import { signal } from '../../sys/loop.js'
import type { WorkerSeat } from '../../wq/crew-parts.js'
import { HOLDER_WORKER0, IO_WQ_WORK_CANCEL, ITEM, WqMemory } from '../../wq/layout.js'
import { watchedTables } from '../../wq/watch.js'
import { WorkerLoop } from '../../wq/worker-loop.js'
import { opdef } from './ops/opdef.js'
import { tellEdge } from './request/edge.js'
import type { RingMessage } from './state/ctx.js'
import { CTX, REQ, RINGS, watchedRing } from './state/layout.js'
import type { WorkEnv } from './state/op.js'
import { R_CTX, R_GENERATION, R_OPCODE, R_RES } from './state/req.js'

interface AttachedRing {
  readonly generation: number
  readonly words: Int32Array
  readonly eventfdWord: number
}

const seat = workerData as WorkerSeat
const mem = WqMemory.attach(seat.sab, REQ.hash ^ CTX.hash ^ RINGS.hash)
const { words } = mem
const rings = new Map<number, AttachedRing>()

function attach(message: RingMessage): void {
  watchWriters('worker', watchedRing(new Int32Array(message.rings), message.ctxWord))
  rings.set(message.ctx, {
    generation: message.generation,
    words: new Int32Array(message.rings),
    eventfdWord: message.ctxWord + (CTX.at.eventfd >> 2),
  })
}

/** Finds the ring of a request. The owner announced it before it queued the request, so the message is there. */
function ringOf(r: number): void {
  const id = words[r + R_CTX]!
  while (rings.get(id)?.generation !== words[r + R_GENERATION]) {
    const received = receiveMessageOnPort(parentPort!)
    assert(received !== undefined, `ring ${id} was announced to this worker`)
    attach(received.message as RingMessage)
  }
}

let cancelWord = 0
const env: WorkEnv = {
  words,
  cancelled: () => (loadAcquire(words, cancelWord) & IO_WQ_WORK_CANCEL) !== 0,
  sleeping: () => loop.sleeping(),
  running: () => loop.running(),
}

// Bound before it is up: no request waits for it then.
bindAll()
watchWriters('worker', watchedTables(mem, seat.slot + HOLDER_WORKER0))
for (const message of (seat.data as { rings: RingMessage[] }).rings) attach(message)

const loop = new WorkerLoop(mem, seat.slot, {
  doWork(item) {
    const r = mem.payload(item)
    ringOf(r)
    cancelWord = mem.item(item) + (ITEM.at.flags >> 2)
    const def = opdef(words[r + R_OPCODE]!)
    words[r + R_RES] = def!.issue!(env, r)
    return undefined
  },
  onEdge(queue) {
    const ring = rings.get(queue)
    const eventfd = ring === undefined ? -1 : tellEdge(ring.words, ring.eventfdWord)
    if (eventfd >= 0) signal(eventfd)
  },
  onLeave() {
    exit()
  },
})
loop.start()
