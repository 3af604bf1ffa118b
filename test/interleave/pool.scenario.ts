/**
 * What a pool's owner and its workers say to each other under the explorer: the wake of an owner that sleeps in its event
 * loop (home/poller.ts, worker/wake.ts), claims of arguments and their answers (home/ports.ts, worker/job-args.ts), and
 * the rings of results (worker/job-result.ts, home/incoming.ts).
 *
 * Of io-wq there is the queue that takes jobs home. A message that wakes is a word that is slept on; one that is taken when
 * shared memory says so goes through a broadcast channel, which every thread opens for itself.
 */
import assert from 'node:assert/strict'
import { syncBuiltinESMExports } from 'node:module'
import workerThreads, { BroadcastChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { fetchAdd, futexWait, futexWake, xchg } from '../../src/lib/barrier.js'
import { consumer, init, MPSCQ, type MpscqMemory, NONE, producer } from '../../src/lib/mpscq.js'
import { JOB_WORDS, POOL, RING_BYTES, SEAT, Space } from '../../src/pool/between/record.js'
import { SharedBufferCache, SharedBufferIds } from '../../src/pool/between/shared-buffers.js'
import type { Ports } from '../../src/pool/home/ports.js'
import { Codec } from '../../src/pool/values/codec.js'
import { LongCodec } from '../../src/pool/values/long-codec.js'
import type { WqMemory } from '../../src/wq/layout.js'
import { yieldStep } from './hold.js'
import { load } from './plant.js'
import { pretendTurns } from './timers.js'

export interface Arg {
  /** Jobs of each worker. */
  readonly each: number
  readonly nrWorkers: number
  /** Whether a job's arguments are claimed. */
  readonly claims: boolean
  /** Characters that a job returns. */
  readonly size: number
}

const NR_SLOTS = 2
const NR_JOBS = 10
const BELL = Space.create(NR_SLOTS).arenaByte >> 2
const QUEUE = BELL + 1
const LINKS = QUEUE + (MPSCQ.size >> 2)
const RECORDS = LINKS + NR_JOBS
export const MEMORY_BYTES = (RECORDS + NR_JOBS * JOB_WORDS) * 4
/** The counts of a ring begin so far before they begin anew. */
const TO_WRAP = RING_BYTES

const payload = (item: number) => RECORDS + item * JOB_WORDS
const argumentsOf = (item: number) => `the arguments of ${item}`
const resultOf = (item: number, size: number) => String.fromCharCode(97 + item).repeat(size)

function homes(memory: SharedArrayBuffer): MpscqMemory {
  return { words: new Int32Array(memory), queueWord: QUEUE, linkWord: LINKS, strideWords: 1 }
}

/** Between the owner and the worker in a slot. */
const channels = new Map<number, BroadcastChannel>()
function channel(slot: number): BroadcastChannel {
  const made = channels.get(slot) ?? Object.assign(new BroadcastChannel(`pool ${slot}`), { on: () => made })
  channels.set(slot, made)
  return made
}
let nrPorts = 0
// Two for each worker: only the first of them is used.
workerThreads.MessageChannel = class {
  port1 = channel(nrPorts++ / 2)
  port2 = {}
} as unknown as typeof workerThreads.MessageChannel
syncBuiltinESMExports()

const { Poller } = (await load(
  import.meta.url,
  'pool/home/poller.js',
)) as typeof import('../../src/pool/home/poller.js')
const ports = (await load(import.meta.url, 'pool/home/ports.js')) as typeof import('../../src/pool/home/ports.js')
const { Incoming } = (await load(
  import.meta.url,
  'pool/home/incoming.js',
)) as typeof import('../../src/pool/home/incoming.js')
const { JobArgs } = (await load(
  import.meta.url,
  'pool/worker/job-args.js',
)) as typeof import('../../src/pool/worker/job-args.js')
const { JobResult } = (await load(
  import.meta.url,
  'pool/worker/job-result.js',
)) as typeof import('../../src/pool/worker/job-result.js')
const { takesArmed } = (await load(
  import.meta.url,
  'pool/worker/wake.js',
)) as typeof import('../../src/pool/worker/wake.js')

export function setup(memory: SharedArrayBuffer): void {
  const words = new Int32Array(memory)
  words[POOL.at.nr_slots >> 2] = NR_SLOTS
  const space = Space.attach(memory)
  for (let slot = 0; slot < NR_SLOTS; slot++) {
    words[space.seat(slot) + (SEAT.at.ring_head >> 2)] = -TO_WRAP
    words[space.seat(slot) + (SEAT.at.ring_tail >> 2)] = -TO_WRAP
  }
  init(homes(memory))
}

/** Nothing is left of another schedule. */
function empty(slot: number): BroadcastChannel {
  const own = channel(slot)
  while (receiveMessageOnPort(own as unknown as MessagePort) !== undefined);
  return own
}

export function worker(memory: SharedArrayBuffer, { each, claims, size }: Arg, thread: number): void {
  const slot = thread - 1
  const port = empty(slot) as unknown as MessagePort
  const space = Space.attach(memory)
  const { words } = space
  const shared = new SharedBufferCache(space)
  const [codec, long] = [new Codec(words, shared), new LongCodec()]
  const wakeOwner = () => {
    if (!takesArmed(space)) return
    fetchAdd(words, BELL, 1)
    futexWake(words, BELL, 1)
  }
  const args = new JobArgs({ space, slot, port, codec, long, shared, wakeOwner })
  const result = new JobResult(codec, long, space, slot, port)
  const { push } = producer(homes(memory))
  for (let item = slot * each; item < (slot + 1) * each; item++) {
    if (claims) assert.equal(args.claim(item), argumentsOf(item))
    result.put(payload(item), resultOf(item, size))
    if (push(item)) wakeOwner()
  }
}

let turns: (() => void)[] = []
let made: { readonly ports: Ports; readonly ids: SharedBufferIds } | undefined

/** They know the memory, and nothing of a schedule. */
function portsOn(space: Space): Ports {
  if (made !== undefined) return made.ports
  const ids = new SharedBufferIds(space)
  const all = new ports.Ports(space, ids, { onWake() {}, onWakeTaken() {}, onEvent() {}, onGreeted() {} })
  for (let slot = 0; slot < NR_SLOTS; slot++) all.greet(slot, { postMessage() {} } as unknown as MessagePort)
  made = { ports: all, ids }
  return all
}

/** Returns the jobs that came home. */
export function owner(memory: SharedArrayBuffer, { each, nrWorkers, size }: Arg): number[] {
  turns = []
  pretendTurns((callback) => ({ at: turns.push(callback) }))
  const space = Space.attach(memory)
  const { words } = space
  const own = portsOn(space)
  for (let slot = 0; slot < NR_SLOTS; slot++) empty(slot)
  const queue = consumer(homes(memory))
  const codec = new Codec(words, new SharedBufferCache(space))
  const incoming = new Incoming({ words } as unknown as WqMemory, space, codec, own)
  const home: number[] = []
  const isBusy = () => home.length < each * nrWorkers
  const drain = () => {
    const before = home.length
    for (let item = queue.pop(); item !== NONE; item = queue.pop()) {
      assert.equal(incoming.read(payload(item)), resultOf(item, size))
      home.push(item)
    }
    return home.length - before
  }
  const hooks = {
    drain,
    isDrained: () => queue.isEmpty(),
    onClaims: () => own.answerClaims((item) => ({ sabs: [], body: argumentsOf(item), transfer: [] })),
    onStall() {},
    isBusy,
    onRest() {},
    isAwaited: () => true,
  }
  const poller = new Poller(space, hooks, 1)
  poller.look()
  while (isBusy()) {
    const due = turns
    turns = []
    for (const callback of due) callback()
    if (!isBusy()) break
    // A push half done keeps it awake.
    if (turns.length > 0) {
      if (!queue.isEmpty()) yieldStep()
      continue
    }
    while (xchg(words, BELL, 0) === 0) futexWait(words, BELL, 0, Number.POSITIVE_INFINITY)
    poller.onWake()
  }
  poller.close()
  return home
}

/** Those of one worker come home in their order, for their results do. That none is missing, the owner's end says. */
export function check(_memory: SharedArrayBuffer, results: unknown[], _trace: unknown, { each, nrWorkers }: Arg): void {
  const home = results[0] as number[]
  assert.equal(new Set(home).size, each * nrWorkers)
  for (let slot = 0; slot < nrWorkers; slot++) {
    const own = home.filter((item) => Math.floor(item / each) === slot)
    assert.deepEqual(own, own.toSorted())
  }
}
