/**
 * io-wq under the explorer: thread 0 is the owner with the real Wq and Crew, each other thread runs real WorkerLoops.
 *
 * The owner follows a script. Over a copy of the sources (plant.ts) it takes io-wq's modules from there: planted bugs. Where
 * time is no choice (`lateTimeouts`), a wait of the owner's that runs out means that everything is at rest.
 */
import assert from 'node:assert/strict'
import { cmpxchg, fetchAdd, futexWait, futexWake, loadAcquire, storeRelease } from '../../src/lib/barrier.js'
import { nowMs } from '../../src/lib/clock.js'
import { NONE } from '../../src/lib/mpscq.js'
import type { CancelResult } from '../../src/wq/cancels.js'
import type { WorkerSeat } from '../../src/wq/crew-parts.js'
import { HASH, HASH_POOL, holderBits, POOL_JOINED, WqHash, wakeWaiters } from '../../src/wq/hash.js'
import type { HashSeat } from '../../src/wq/hash-pools.js'
import {
  ACCT,
  IO_WQ_WORK_ALONE,
  IO_WQ_WORK_CONCURRENT,
  IO_WQ_WORK_FORCE_WAKE,
  IO_WQ_WORK_HASHED,
  IO_WQ_WORK_UNBOUND,
  ITEM,
  ITEM_RUNNING,
  ITEM_STATE_MASK,
  ITEM_TAKEN,
  NR_ACCTS,
  WQ,
  WqMemory,
} from '../../src/wq/layout.js'
import type { WqOptions } from '../../src/wq/options.js'
import type { ThreadSystem } from '../../src/wq/threads.js'
import { ASYNC } from '../../src/wq/worker-hooks.js'
import type { WorkerLoop } from '../../src/wq/worker-loop.js'
import type { Wq } from '../../src/wq/wq.js'
import { calm, isKilled, newLoop, stepNumber, turn, unheld, yieldStep } from './hold.js'
import { load } from './plant.js'
import { pretendTimers } from './timers.js'
import { type Snapshot, snapshot } from './wq.snapshot.js'

export { check } from './wq.check.js'

/** No thread under test returns to its event loop: what a timer would run, if its event loop turned. */
let timers: (() => void)[] = []
pretendTimers(pretendTimer)

/** The sampler's short timer never fires: a wake-up that is lost must not be made good by it. */
function pretendTimer(callback: () => void, ms: number): object {
  if (ms >= 5) timers.push(callback)
  return { unref() {}, refresh() {} }
}

const planted = {
  wq: (await load(import.meta.url, 'wq/wq.js')) as typeof import('../../src/wq/wq.js'),
  loop: (await load(import.meta.url, 'wq/worker-loop.js')) as typeof import('../../src/wq/worker-loop.js'),
}

/** Items are numbers; of the flags h is HASHED, a ALONE, u UNBOUND, c CONCURRENT, f FORCE_WAKE. */
export type Op =
  | readonly ['enqueue', item: number, flags?: string, bucket?: number]
  | readonly ['cancel', item: number]
  | readonly ['exitOnIdle', on: boolean]
  /** Ends the thread that runs an item, which does not hear of it: it is inside a system call. */
  | readonly ['terminate', item: number]
  /** Sets the limits; 0 leaves one as it is. */
  | readonly ['maxWorkers', bound: number, unbound: number]
  /** The workers there are shall leave at their next idle timeout. */
  | readonly ['setAffinity']
  /** Another pool, with which the hash is shared, takes a bucket's key; and lets go of it. */
  | readonly ['take', bucket: number]
  | readonly ['letGo', bucket: number]
  /** Lets a held item end. */
  | readonly ['release', item: number]
  /** Waits until a worker has an item in hand. */
  | readonly ['taken', item: number]
  /** Waits until an item runs. */
  | readonly ['begun', item: number]
  /** Waits until all that was enqueued has ended: for one item after the other, or for so many at a time. */
  | readonly ['drain', atATime?: number]
  /** Waits for so many items, until one of them has ended, which wakes it though others are missing. */
  | readonly ['forced', item: number, wanted: number]
  /** Waits until nobody can go on, and takes down how things stand; `workers` is what there have to be. */
  | readonly ['rest', workers?: readonly [bound: number, unbound: number]]
  /** The owner's event loop turns: exit events arrive. */
  | readonly ['events']
  /** The sampler looks at the workers. */
  | readonly ['tick']
  /** Nothing has come home for a while. */
  | readonly ['nudge']

const FLAGS = {
  h: IO_WQ_WORK_HASHED,
  a: IO_WQ_WORK_ALONE,
  u: IO_WQ_WORK_UNBOUND,
  c: IO_WQ_WORK_CONCURRENT,
  f: IO_WQ_WORK_FORCE_WAKE,
}

export interface Arg {
  /** Threads that can be workers. */
  readonly nrThreads: number
  /** Workers of either account that are coming up as the schedule begins. */
  readonly up: readonly [bound: number, unbound: number]
  readonly script: readonly Op[]
  /** Their coming up is explored too. Otherwise they sleep as the script begins. */
  readonly fromStart?: boolean
  /** Where the owner sleeps in drain: in Wq.sleep, or in its event loop. */
  readonly sleeps?: 'futex' | 'loop'
  /** The hash is shared with another pool. */
  readonly shared?: boolean
  /** Items that block until released; those that say so call sleeping() and running(). */
  readonly held?: readonly number[]
  readonly announced?: readonly number[]
  /** Items that are detached until released, and how many of them a worker takes. */
  readonly detached?: readonly number[]
  readonly limit?: number
  /** A worker leaves after so many items. */
  readonly retireAfter?: number
  /** One of the workers may die. */
  readonly mortal?: boolean
  /** No thread can be started, which is to be reported. */
  readonly cannotStart?: boolean
  readonly options?: Partial<WqOptions>
  readonly spinning?: number
}

export interface Report {
  readonly home: number[]
  readonly cancelled: number[]
  readonly died: number[]
  readonly answers: [item: number, answer: CancelResult][]
  readonly rests: (Snapshot & { wanted: readonly [number, number] | undefined; at: number })[]
  readonly itemsLeft: number
  readonly createFailed: string[]
}

export const NR_ITEMS = 10
export const SHAPE = { nrSlots: 3, nrQueues: 1, nrBuckets: 3, nrItems: NR_ITEMS + 1, payloadBytes: 96, payloadHash: 0 }
const PLACES = WqMemory.create(SHAPE)
export const MEMORY_BYTES = PLACES.sab.byteLength

/** A hash that is shared lies behind it. Our pool has its first place there, the owner's script is the other pool. */
const HASH_WORD = Math.ceil(MEMORY_BYTES / 64) * 16
export const SHARED_BYTES = HASH_WORD * 4 + WqHash.bytes(SHAPE.nrBuckets)
const OUR_POOL = 0
const OTHER_POOL = 1

/** The hash in an explorer's memory, for an io-wq that shares it. */
export function sharedHash(words: Int32Array, arg: Arg): WqHash | undefined {
  return arg.shared ? WqHash.attach(words, HASH_WORD) : undefined
}

function createHash(words: Int32Array): HashSeat {
  const hash = WqHash.create(words, HASH_WORD)
  words[hash.at(HASH.at.nr_pools)] = 2
  words[hash.at(HASH.at.nr_touched)] = SHAPE.nrBuckets
  for (const pool of [OUR_POOL, OTHER_POOL]) words[hash.pool(pool) + (HASH_POOL.at.state >> 2)] = POOL_JOINED
  return { hash, pool: OUR_POOL, watch() {}, reapIfDue() {}, leave() {} } as unknown as HashSeat
}

/** The explorer's own words are the last item's payload. */
const SCRATCH = PLACES.payload(NR_ITEMS)
const BELL = SCRATCH
const STARTED = (thread: number) => SCRATCH + 1 + thread
const EXITED = (thread: number) => SCRATCH + 6 + thread
const HOLD = (item: number) => SCRATCH + 11 + item
const EVENTS = HOLD(NR_ITEMS)
const CLOSED = -1
/** Longer than anybody waits for a lock. */
const SETTLE_MS = 50
/** Looks at the clock in more than a millisecond. */
const MS_LOOKS = 40

/** The stand-in for a Worker object. */
interface Body {
  readonly thread: number
  readonly generation: number
  onExit: (code: number) => void
}

/** The threads that a Crew can have: the explorer's, each again and again until it dies. */
class Threads implements ThreadSystem {
  readonly #words: Int32Array
  readonly #generations: number[]
  bodies: Body[] = []

  constructor(words: Int32Array, nrThreads: number) {
    this.#words = words
    this.#generations = new Array(nrThreads + 1).fill(0)
  }

  start(_entry: URL, options: { workerData?: WorkerSeat }): ReturnType<ThreadSystem['start']> {
    const busy = new Set(this.bodies.filter((body) => !this.#hasEnded(body)).map(({ thread }) => thread))
    const thread = this.#generations.findIndex((_, t) => t > 0 && !busy.has(t) && !isKilled(t))
    if (thread < 0) throw new Error('the scenario has no thread left')
    const generation = this.#generations[thread]! + 1
    this.#generations[thread] = generation
    const body: Body = { thread, generation, onExit: () => {} }
    this.bodies.push(body)
    storeRelease(this.#words, STARTED(thread), (generation << 8) | options.workerData!.slot)
    futexWake(this.#words, STARTED(thread), 1)
    const worker = {
      body,
      on: (event: string, listener: (code: number) => void) => {
        if (event === 'exit') body.onExit = listener
      },
      once() {},
      ref() {},
      unref() {},
      postMessage() {},
      terminate() {},
    }
    return worker as unknown as ReturnType<ThreadSystem['start']>
  }

  #hasEnded({ thread, generation }: Body): boolean {
    return isKilled(thread) || loadAcquire(this.#words, EXITED(thread)) >= generation
  }

  isGone(worker: unknown): boolean {
    return this.#hasEnded((worker as { body: Body }).body)
  }

  isAsleep(): boolean {
    return true
  }

  /** A turn of the event loop: delivers exit events, and then what they led to; true if there were any. */
  turn(): boolean {
    const due = timers
    timers = []
    for (const callback of due) callback()
    const ended = this.bodies.filter((body) => this.#hasEnded(body))
    this.bodies = this.bodies.filter((body) => !ended.includes(body))
    for (const body of ended) body.onExit(isKilled(body.thread) ? 1 : 0)
    return ended.length + due.length > 0
  }

  get isQuiet(): boolean {
    return this.bodies.length + timers.length === 0
  }

  close(): void {
    for (let thread = 1; thread < this.#generations.length; thread++) {
      storeRelease(this.#words, STARTED(thread), CLOSED)
      futexWake(this.#words, STARTED(thread), 1)
    }
  }
}

class Owner {
  readonly #arg: Arg
  readonly #words: Int32Array
  readonly #threads: Threads
  readonly #wq: Wq
  readonly #report: Report & { itemsLeft: number }
  #nrQueued = 0

  constructor(memory: SharedArrayBuffer, arg: Arg) {
    this.#arg = arg
    this.#words = new Int32Array(memory)
    this.#threads = new Threads(this.#words, arg.nrThreads)
    this.#report = { home: [], cancelled: [], died: [], answers: [], rests: [], itemsLeft: 0, createFailed: [] }
    const report = this.#report
    this.#wq = new planted.wq.Wq({
      ...SHAPE,
      sab: memory,
      threads: this.#threads,
      workerEntry: new URL(import.meta.url),
      maxWorkers: [2, 2],
      maxRunning: 3,
      idleTimeoutMs: 1e9,
      spinUs: 20,
      ...(arg.shared ? { hashSeat: createHash(this.#words) } : {}),
      ...arg.options,
      hooks: {
        onCancelled: (item) => {
          report.cancelled.push(item)
          this.#wq.free(item)
        },
        onDied: (item) => {
          report.died.push(item)
          this.#wq.free(item)
          return true
        },
        onCreateFailed: (error) => report.createFailed.push(error.message),
        onRecovered: () => {},
      },
    })
    const hash = this.#wq.mem.sharedHash?.hash
    if (hash)
      for (let bucket = 0; bucket < SHAPE.nrBuckets; bucket++) this.#wq.mem.setHolderAt(bucket, hash.holder(bucket))
    this.#words[WQ.at.owner_tid >> 2] = 0
    this.#words[WQ.at.max_spinning >> 2] = arg.spinning ?? 0
    for (let item = 0; item < NR_ITEMS; item++) this.#wq.alloc()
    // Whatever makes a worker has work for it; this work is taken back before the worker is up.
    for (let acct = 0; acct < NR_ACCTS; acct++) {
      const made = Array.from({ length: arg.up[acct]! }, (_, i) => i)
      const flags = IO_WQ_WORK_CONCURRENT | (acct === 1 ? IO_WQ_WORK_UNBOUND : 0)
      const nrRunning = PLACES.acct(acct) + (ACCT.at.nr_running >> 2)
      for (const item of made) {
        // As if those before were blocked: there may be more workers than may run.
        this.#words[nrRunning] = 0
        this.#wq.enqueue(item, flags, 0, 0)
      }
      this.#words[nrRunning] = made.length
      for (const item of made) this.#wq.cancel(item)
      for (const _ of made) this.#wq.alloc()
    }
    report.cancelled.length = 0
  }

  run(): Report {
    if (this.#arg.fromStart !== true) {
      this.#rest(undefined)
      calm(false)
    }
    for (const op of this.#arg.script) this.#do(op)
    calm(true)
    this.#close()
    return this.#report
  }

  #do(op: Op): void {
    switch (op[0]) {
      case 'enqueue': {
        const [, item, letters = '', bucket = 0] = op
        this.#nrQueued++
        this.#wq.enqueue(
          item,
          [...letters].reduce((all, letter) => all | FLAGS[letter as keyof typeof FLAGS], 0),
          bucket,
          0,
        )
        return
      }
      case 'cancel':
        this.#report.answers.push([op[1], this.#wq.cancel(op[1])])
        return
      case 'terminate':
        this.#wq.terminateRunning(op[1])
        return
      case 'exitOnIdle':
        this.#wq.setExitOnIdle(op[1])
        return
      case 'maxWorkers':
        this.#wq.maxWorkers(op[1], op[2])
        return
      case 'setAffinity':
        this.#wq.setAffinity([0])
        return
      case 'take':
        while (cmpxchg(this.#words, this.#wq.mem.holderAt(op[1]), 0, holderBits(OTHER_POOL) | 2) !== 0) yieldStep()
        return
      case 'letGo':
        storeRelease(this.#words, this.#wq.mem.holderAt(op[1]), 0)
        wakeWaiters(this.#wq.mem.sharedHash!.hash, OTHER_POOL)
        return
      case 'release':
        storeRelease(this.#words, HOLD(op[1]), 1)
        if (this.#arg.detached?.includes(op[1])) {
          // An event in some worker's event loop; in the others it is one for nothing.
          fetchAdd(this.#words, EVENTS, 1)
          futexWake(this.#words, EVENTS, SHAPE.nrSlots)
        } else futexWake(this.#words, HOLD(op[1]), 1)
        return
      case 'events':
        this.#threads.turn()
        return
      case 'tick':
        for (let looks = 0; looks < MS_LOOKS; looks++) nowMs()
        this.#wq.sleep(0, 1, () => true)
        return
      case 'nudge':
        this.#wq.nudge()
        return
      case 'taken':
        this.#until(op[1], ITEM_TAKEN)
        return
      case 'begun':
        if (this.#arg.mortal) this.#settle()
        else this.#until(op[1], ITEM_RUNNING)
        return
      case 'drain':
        this.#waitFor(() => this.#nrEnded() === this.#nrQueued, op[1])
        return
      case 'forced':
        this.#waitFor(() => this.#report.home.includes(op[1]), op[2], op[1])
        return
      case 'rest':
        this.#rest(op[1])
    }
  }

  #until(item: number, state: number): void {
    const word = PLACES.item(item) + (ITEM.at.state >> 2)
    while ((loadAcquire(this.#words, word) & ITEM_STATE_MASK) < state) yieldStep()
  }

  #nrEnded(): number {
    const { home: back, cancelled, died } = this.#report
    return back.length + cancelled.length + died.length
  }

  #pop(): void {
    for (let item = this.#wq.popTaskWork(0); item !== NONE; item = this.#wq.popTaskWork(0)) {
      this.#report.home.push(item)
      this.#wq.free(item)
    }
  }

  /** Sleeps for `atATime` items, or for as many as there are still to come. None of a sleep is to hide that one forced it. */
  #waitFor(done: () => boolean, atATime = 1, forced = NONE): void {
    let sleptOn = false
    for (;;) {
      const rung = this.#arg.sleeps === 'loop' ? loadAcquire(this.#words, BELL) : 0
      if (this.#arg.sleeps === 'loop') this.#threads.turn()
      this.#pop()
      assert(!sleptOn || !this.#report.home.includes(forced), 'the owner slept on beside an item that was to wake it')
      if (done()) return
      // A producer is between its two steps: nothing to pop, and nothing to sleep for.
      if (!this.#wq.isQueueEmpty(0)) this.#stepAside()
      else if (this.#arg.sleeps === 'loop') futexWait(this.#words, BELL, rung, 1000)
      else {
        const wanted = Math.min(atATime, this.#nrQueued - this.#nrEnded())
        sleptOn = this.#wq.sleep(Number.POSITIVE_INFINITY, wanted, () => !this.#wq.isQueueEmpty(0))
      }
    }
  }

  /** Lets the producer go on; or, if it died, time pass until somebody sees to it. */
  #stepAside(): void {
    if (!this.#arg.mortal) {
      yieldStep()
      return
    }
    futexWait(this.#words, BELL, loadAcquire(this.#words, BELL), 200)
    if (this.#arg.sleeps !== 'loop') this.#wq.sleep(0, 1, () => true)
  }

  /** Until nobody can go on. Workers that leave ring, but a wait that nobody wakes runs out. */
  #settle(): void {
    for (;;) {
      const rung = loadAcquire(this.#words, BELL)
      if (futexWait(this.#words, BELL, rung, SETTLE_MS) === 'timed-out' && !this.#threads.turn()) return
    }
  }

  #rest(wanted: readonly [number, number] | undefined): void {
    this.#settle()
    const { mem } = this.#wq
    this.#report.rests.push({ ...snapshot(mem), wanted, at: stepNumber() })
  }

  /** Ends the pool as exit() does, and every thread's body. */
  #close(): void {
    void this.#wq.exit()
    for (;;) {
      const rung = loadAcquire(this.#words, BELL)
      this.#threads.turn()
      this.#pop()
      if (this.#threads.isQuiet) break
      futexWait(this.#words, BELL, rung, 1000)
    }
    for (let acct = 0; acct < NR_ACCTS; acct++) this.#wq.cancelPending(acct)
    this.#pop()
    this.#threads.close()
    this.#report.itemsLeft = this.#wq.counts().items - (NR_ITEMS - this.#nrQueued)
  }
}

export function owner(memory: SharedArrayBuffer, arg: Arg): Report {
  timers = []
  calm(arg.fromStart !== true)
  return unheld(() => new Owner(memory, arg)).run()
}

/** A worker's event loop, as turns.ts has it: items that were detached end here, once they are released. */
class EventLoop {
  readonly #words: Int32Array
  readonly #arg: Arg
  #pending: number[] = []
  #resume: (() => void) | undefined
  /** What it waits for: room for one more, or to be woken, or nothing. */
  #wait: 'room' | 'wake' | 'none' = 'none'

  constructor(words: Int32Array, arg: Arg) {
    this.#words = words
    this.#arg = arg
  }

  detach(item: number): 1 {
    this.#pending.push(item)
    return ASYNC
  }

  pause(resume: () => void, idle: boolean, loop: WorkerLoop): boolean {
    if (this.#pending.length === 0) return false
    const isFull = this.#pending.length >= (this.#arg.limit ?? NR_ITEMS) || this.#arg.retireAfter !== undefined
    if (!idle && !isFull) return false
    this.#resume = resume
    if (!idle) {
      loop.sleeping()
      this.#wait = 'room'
    } else this.#wait = loop.listen(this.#onWake) ? 'wake' : 'none'
    return true
  }

  run(loop: WorkerLoop): void {
    while (this.#resume !== undefined) {
      const seen = loadAcquire(this.#words, EVENTS)
      if (this.#wait === 'none' || this.#finish(loop)) this.#go()
      else turn(this.#words, EVENTS, seen)
    }
  }

  /** Early, where the loop was resumed for another reason since: it looks, and pauses again. Room has to be waited for. */
  readonly #onWake = (): void => {
    if (this.#wait !== 'room') this.#go()
  }

  #go(): void {
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
  }

  /** True if what has ended is a reason to go on. */
  #finish(loop: WorkerLoop): boolean {
    const ended = this.#pending.filter((item) => loadAcquire(this.#words, HOLD(item)) !== 0)
    this.#pending = this.#pending.filter((item) => !ended.includes(item))
    const more = ended.map((item) => loop.finish(item)).includes(true)
    return more || (ended.length > 0 && (this.#wait === 'room' || this.#pending.length === 0))
  }
}

/** Returns the items it ran. */
export function worker(memory: SharedArrayBuffer, arg: Arg, thread: number): number[] {
  const words = new Int32Array(memory)
  const ran: number[] = []
  const ring = () => {
    fetchAdd(words, BELL, 1)
    futexWake(words, BELL, 1)
  }
  for (let generation = 1; ; generation++) {
    let gate = loadAcquire(words, STARTED(thread))
    while (gate !== CLOSED && gate >> 8 !== generation) {
      futexWait(words, STARTED(thread), gate, Number.POSITIVE_INFINITY)
      gate = loadAcquire(words, STARTED(thread))
    }
    if (gate === CLOSED) return ran
    const mem = WqMemory.attach(memory, 0, sharedHash(words, arg))
    newLoop()
    const events = new EventLoop(words, arg)
    const first = ran.length
    const loop = new planted.loop.WorkerLoop(mem, gate & 0xff, {
      doWork(item) {
        ran.push(item)
        if (arg.detached?.includes(item)) return events.detach(item)
        if (arg.announced?.includes(item)) loop.sleeping()
        if (arg.held?.includes(item)) futexWait(words, HOLD(item), 0, Number.POSITIVE_INFINITY)
        if (arg.announced?.includes(item)) loop.running()
        return undefined
      },
      onEdge() {
        if (arg.sleeps === 'loop') ring()
      },
      onLeave() {},
      pause: (resume, idle) => events.pause(resume, idle, loop),
      retires: () => ran.length - first >= (arg.retireAfter ?? Number.POSITIVE_INFINITY),
    })
    loop.start()
    events.run(loop)
    storeRelease(words, EXITED(thread), generation)
    ring()
  }
}
