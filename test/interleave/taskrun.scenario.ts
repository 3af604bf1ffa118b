/**
 * Task work under the explorer: workers push requests home and tell the ring (request/edge.ts), the owner runs them
 * (run/tw.ts), and an app sleeps on the ring's eventfd as the driver does (driver/wakeup.ts, ring/cq.ts), or looks at
 * IORING_SQ_TASKRUN.
 *
 * Of the owner's io-wq there is the queue; the eventfd is a word that is slept on.
 */
import assert from 'node:assert/strict'
import { PARAMS } from '../../src/abi/params.js'
import type { RingMemory } from '../../src/abi/syscalls.js'
import { REQ, RINGS } from '../../src/backends/threads/state/layout.js'
import type { Tctx } from '../../src/backends/threads/state/tctx.js'
import { fetchAdd, futexWait, futexWake, xchg } from '../../src/lib/barrier.js'
import { consumer, init, NONE, producer } from '../../src/lib/mpscq.js'
import type { Ring } from '../../src/ring/ring.js'
import { WqMemory } from '../../src/wq/layout.js'
import { unheld, yieldStep } from './hold.js'
import { load } from './plant.js'

const { tellEdge } = (await load(
  import.meta.url,
  'backends/threads/request/edge.js',
)) as typeof import('../../src/backends/threads/request/edge.js')
const { IoRingCtx } = (await load(
  import.meta.url,
  'backends/threads/state/ctx.js',
)) as typeof import('../../src/backends/threads/state/ctx.js')
const { runTaskWork } = (await load(
  import.meta.url,
  'backends/threads/run/tw.js',
)) as typeof import('../../src/backends/threads/run/tw.js')
const { Wakeup } = (await load(import.meta.url, 'driver/wakeup.js')) as typeof import('../../src/driver/wakeup.js')
const { Cq } = (await load(import.meta.url, 'ring/cq.js')) as typeof import('../../src/ring/cq.js')

export interface Arg {
  /** Requests that each worker sends home. */
  readonly each: number
  readonly nrWorkers: number
  /** How the app waits. */
  readonly waits: 'eventfd' | 'flag'
}

const NR_REQS = 4
const CQ_ENTRIES = 4
const SHAPE = { nrSlots: 2, nrQueues: 1, nrBuckets: 1, nrItems: NR_REQS, payloadBytes: REQ.size, payloadHash: 0 }
const RING_BYTE = Math.ceil(WqMemory.create(SHAPE).sab.byteLength / 64) * 64
const CQES_BYTE = RING_BYTE + RINGS.size
const CTX_BYTE = CQES_BYTE + CQ_ENTRIES * 16
/** In the ring's words, as a worker has them. */
const EVENTFD_WORD = (CTX_BYTE - RING_BYTE) >> 2
const BELL = (CTX_BYTE >> 2) + 1
export const MEMORY_BYTES = CTX_BYTE + 64
const FD = 7

const ringWords = (memory: SharedArrayBuffer) => new Int32Array(memory, RING_BYTE)
const word = (field: keyof typeof REQ.at) => REQ.at[field] >> 2

export function setup(memory: SharedArrayBuffer): void {
  const mem = WqMemory.create(SHAPE, memory)
  init(mem.queue(0))
  const ring = ringWords(memory)
  ring[RINGS.at.cq_ring_entries >> 2] = CQ_ENTRIES
  ring[EVENTFD_WORD] = FD
  for (let req = 0; req < NR_REQS; req++) {
    const r = mem.payload(req)
    mem.words[r + word('held_fd')] = -1
    mem.words[r + word('link')] = NONE
    mem.words[r + word('user_data_lo')] = req + 1
  }
}

export function worker(memory: SharedArrayBuffer, { each }: Arg, thread: number): void {
  const { push } = producer(WqMemory.attach(memory, 0).queue(0))
  const ring = ringWords(memory)
  const words = new Int32Array(memory)
  for (let i = 0; i < each; i++) {
    if (!push((thread - 1) * each + i) || tellEdge(ring, EVENTFD_WORD) !== FD) continue
    fetchAdd(words, BELL, 1)
    futexWake(words, BELL, 1)
  }
}

/** A ring's context and its thread's, as far as task work looks at them. */
function owned(memory: SharedArrayBuffer) {
  const mem = WqMemory.attach(memory, 0)
  const queue = consumer(mem.queue(0))
  const wq = { mem, popTaskWork: queue.pop, isQueueEmpty: queue.isEmpty, free() {} }
  // Its own rings are not the explorer's.
  const ctx = unheld(() => new IoRingCtx(0, 1, FD, 0, CQ_ENTRIES, CQ_ENTRIES))
  Object.assign(ctx, { words: ringWords(memory), cqesWord: (CQES_BYTE - RING_BYTE) >> 2, nrInflight: NR_REQS })
  const tctx = { wq, held: [], nrPushed: 0 }
  return { tctx: tctx as unknown as Tctx, ctx }
}

function completions(memory: SharedArrayBuffer) {
  const params = new DataView(new ArrayBuffer(PARAMS.size))
  const fields = [
    ['sq_off_flags', 'sq_flags'],
    ['cq_off_head', 'cq_head'],
    ['cq_off_tail', 'cq_tail'],
    ['cq_off_flags', 'cq_flags'],
    ['cq_off_overflow', 'cq_overflow'],
  ] as const
  for (const [field, name] of fields) params.setUint32(PARAMS.at[field], RING_BYTE + RINGS.at[name], true)
  params.setUint32(PARAMS.at.cq_off_cqes, CQES_BYTE, true)
  params.setUint32(PARAMS.at.cq_entries, CQ_ENTRIES, true)
  return new Cq({ rings: memory } as unknown as RingMemory, params, () => 0)
}

/** Owner and app are one thread: what it enters for, it runs. Returns what it was shown, in order. */
export function owner(memory: SharedArrayBuffer, { each, nrWorkers, waits }: Arg): number[] {
  const words = new Int32Array(memory)
  const { tctx, ctx } = owned(memory)
  const cq = completions(memory)
  const ring = { cq, cqNeedsEnter: () => cq.needsEnter(), register: () => 0, flags: 0, syscalls: { name: 'threads' } }
  const waker = { fd: FD, ref: () => true, unref() {}, close() {} }
  const wakeup = new Wakeup(ring as unknown as Ring, () => {}, waker)
  const seen: number[] = []
  for (;;) {
    // A push half done keeps it awake.
    if (runTaskWork(tctx, ctx, 0) === 0 && !tctx.wq.isQueueEmpty(0)) yieldStep()
    for (let ready = cq.ready(); ready > 0; ready--) {
      seen.push(cq.userData())
      cq.advance(1)
    }
    if (seen.length === each * nrWorkers) return seen
    if (waits === 'flag') while (!cq.needsEnter()) yieldStep()
    else {
      if (wakeup.arm()) while (xchg(words, BELL, 0) === 0) futexWait(words, BELL, 0, Number.POSITIVE_INFINITY)
      wakeup.mute()
    }
  }
}

/** Each once, and those of one worker in the order in which it sent them. That none is missing, the owner's end says. */
export function check(_memory: SharedArrayBuffer, results: unknown[], _trace: unknown, { each, nrWorkers }: Arg): void {
  const seen = results[0] as number[]
  assert.equal(new Set(seen).size, each * nrWorkers)
  for (let worker = 0; worker < nrWorkers; worker++) {
    const own = seen.filter((one) => Math.floor((one - 1) / each) === worker)
    assert.deepEqual(own, own.toSorted())
  }
}
