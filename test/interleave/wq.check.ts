/**
 * What has to hold of io-wq after a schedule, and whenever everything is at rest. Main thread, and the owner's.
 *
 * Numbers in brackets are the invariants of the semantics sheet.
 */
import assert from 'node:assert/strict'
import { NONE } from '../../src/lib/mpscq.js'
import {
  ACCT,
  IO_WQ_WORK_HASHED,
  ITEM,
  ITEM_DONE,
  ITEM_RUNNING,
  ITEM_STATE_MASK,
  NR_ACCTS,
  WAKE_ASLEEP,
  WORKER,
  WORKER_IDLE,
  WORKER_STARTING,
  WORKER_UP,
  WQ,
  WqMemory,
} from '../../src/wq/layout.js'
import type { Step } from './explorer.js'
import { type Arg, NR_ITEMS, type Report, SHAPE } from './wq.scenario.js'

interface Acct {
  readonly lock: number
  readonly queued: number[]
  readonly runnable: number[]
  readonly nr_queued: number
  readonly stalled: number
  readonly free: number[]
  readonly nr_workers: number
  readonly nr_running: number
  readonly listError: string
}

export interface Snapshot {
  readonly accts: Acct[]
  readonly workers: { acct: number; state: number; wake: number; blocked: number; current: number; detached: number }[]
  readonly hash: number[]
  readonly nr_spinning: number
}

/** How a pool stands. Plain reads: while nobody runs. */
export function snapshot(mem: WqMemory): Snapshot {
  const { words } = mem
  const word = (at: number, byteOff: number) => words[at + (byteOff >> 2)]!
  return {
    accts: Array.from({ length: NR_ACCTS }, (_, acct) => acctOf(mem, acct)),
    workers: Array.from({ length: mem.shape.nrSlots }, (_, slot) => {
      const w = mem.worker(slot)
      const { acct, state, wake, blocked, current, detached } = WORKER.at
      return {
        acct: word(w, acct),
        state: word(w, state),
        wake: word(w, wake),
        blocked: word(w, blocked),
        current: word(w, current),
        detached: word(w, detached),
      }
    }),
    hash: Array.from({ length: mem.shape.nrBuckets }, (_, bucket) => words[mem.hash(bucket)]!),
    nr_spinning: words[WQ.at.nr_spinning >> 2]!,
  }
}

function acctOf(mem: WqMemory, acct: number): Acct {
  const { words } = mem
  const a = mem.acct(acct)
  const at = (byteOff: number) => words[a + (byteOff >> 2)]!
  const queued: number[] = []
  const free: number[] = []
  for (let item = at(ACCT.at.head); item !== NONE && queued.length <= NR_ITEMS; ) {
    queued.push(item)
    item = words[mem.item(item) + (ITEM.at.next >> 2)]!
  }
  for (let slot = at(ACCT.at.free_head); slot !== NONE && free.length <= SHAPE.nrSlots; ) {
    free.push(slot)
    slot = words[mem.worker(slot) + (WORKER.at.free_next >> 2)]!
  }
  const bucketOf = (item: number) => {
    const flags = words[mem.item(item) + (ITEM.at.flags >> 2)]!
    return (flags & IO_WQ_WORK_HASHED) === 0 ? NONE : words[mem.item(item) + (ITEM.at.bucket >> 2)]!
  }
  return {
    lock: at(ACCT.at.lock),
    queued,
    runnable: queued.filter((item) => bucketOf(item) === NONE || words[mem.hash(bucketOf(item))] === 0),
    nr_queued: at(ACCT.at.nr_queued),
    stalled: at(ACCT.at.stalled),
    free,
    nr_workers: at(ACCT.at.nr_workers),
    nr_running: at(ACCT.at.nr_running),
    listError: listError(mem, acct, queued, bucketOf),
  }
}

/** [15] Each bucket's items are one run, which ends at its tail. */
function listError(mem: WqMemory, acct: number, queued: number[], bucketOf: (item: number) => number): string {
  const { words } = mem
  if (words[mem.acct(acct) + (ACCT.at.tail >> 2)] !== (queued.at(-1) ?? NONE)) return 'the tail is not the last item'
  for (const [i, item] of queued.entries()) {
    if (words[mem.item(item) + (ITEM.at.prev >> 2)] !== (queued[i - 1] ?? NONE))
      return `item ${item} has another before`
  }
  for (let bucket = 0; bucket < mem.shape.nrBuckets; bucket++) {
    const places = queued.flatMap((item, i) => (bucketOf(item) === bucket ? [i] : []))
    if (places.length > 0 && places.at(-1)! - places[0]! !== places.length - 1) return `bucket ${bucket} is torn`
    const last = places.length > 0 ? queued[places.at(-1)!]! : NONE
    if (words[mem.hashTail(acct, bucket)] !== last) return `the tail of bucket ${bucket} is not its last item`
  }
  return ''
}

/** What holds whenever nobody can go on. */
export function assertAtRest(now: Snapshot, maxRunning: number): void {
  for (const [acct, a] of now.accts.entries()) {
    const text = `account ${acct} at rest: ${JSON.stringify(now)}`
    const own = now.workers.flatMap((w, slot) => (w.acct === acct ? [{ ...w, slot }] : []))
    const up = own.filter((w) => w.state === WORKER_UP || w.state === WORKER_STARTING)
    const idle = own.filter((w) => w.state === WORKER_IDLE)
    assert.equal(a.lock, 0, `nobody holds the lock; ${text}`)
    assert.equal(a.listError, '', text)
    assert.equal(a.nr_queued, a.queued.length, `nr_queued; ${text}`)
    assert.equal(a.nr_workers, up.length + idle.length, `nr_workers; ${text}`)
    assert.equal(a.nr_running, up.filter((w) => w.blocked === 0).length, `[19] nr_running; ${text}`)
    assert.deepEqual(a.free.toSorted(), idle.map((w) => w.slot).toSorted(), `the free list; ${text}`)
    for (const w of up) {
      const works = w.current !== NONE || w.detached > 0
      assert(w.state === WORKER_UP && works, `worker ${w.slot} is up, for it was woken or works; ${text}`)
    }
    if (a.stalled !== 0)
      assert(
        now.hash.some((holder) => holder !== 0),
        `[18] stalled, and no bucket busy; ${text}`,
      )
    if (a.runnable.length === 0) continue
    assert(a.nr_workers > 0, `[16] work is queued, and no worker is there; ${text}`)
    assert(a.free.length === 0 || a.nr_running >= maxRunning, `[17] a worker sleeps beside work; ${text}`)
  }
}

interface Life {
  readonly ran: number[]
  readonly ended: number[]
}

/** When an item began and ended, by the steps on its state word. */
function lifeOf(mem: WqMemory, item: number, trace: readonly Step[]): Life {
  const word = mem.item(item) + (ITEM.at.state >> 2)
  const ran: number[] = []
  const ended: number[] = []
  for (const [at, { kind, word: on, before, value, extra }] of trace.entries()) {
    if (on !== word) continue
    if (kind === 'cmpxchg' && before === extra && (value & ITEM_STATE_MASK) === ITEM_RUNNING) ran.push(at)
    if (kind === 'store' && (value & ITEM_STATE_MASK) === ITEM_DONE) ended.push(at)
  }
  return { ran, ended }
}

export function check(memory: SharedArrayBuffer, results: unknown[], trace: Step[], arg: Arg): void {
  const mem = WqMemory.attach(memory, SHAPE.payloadHash)
  const { home, cancelled, died, answers, rests, itemsLeft, createFailed } = results[0] as Report
  const maxRunning = Math.max(arg.options?.concurrency ?? 1, arg.options?.maxRunning ?? SHAPE.nrSlots)
  const enqueued = arg.script.filter((op) => op[0] === 'enqueue')
  const lives = new Map(enqueued.map(([, item]) => [item, lifeOf(mem, item, trace)]))

  // Each item ends exactly once, and [20] a cancelled one never ran.
  for (const [item, { ran }] of lives) {
    const count = (of: number[]) => of.filter((i) => i === item).length
    const text = `item ${item}: home ${count(home)}, cancelled ${count(cancelled)}, died ${count(died)}`
    assert.equal(count(home) + count(cancelled) + count(died), 1, `ends once; ${text}`)
    assert.equal(ran.length, count(home) + count(died), `runs once, or was cancelled; ${text}`)
  }
  for (const [item, answer] of answers) {
    if (answer === 'ok') assert(cancelled.includes(item), `cancel(${item}) was ok`)
    // A second cancel finds nothing, like one that comes too late.
    else if (answer === 'running' || !cancelled.includes(item)) {
      assert(lives.get(item)!.ran.length === 1, `cancel(${item}) said ${answer}, so it ran`)
    }
  }
  if (died.length > 0)
    assert(
      trace.some(({ kind }) => kind === 'kill'),
      'nothing dies by itself',
    )
  assert.equal(createFailed.length, arg.cannotStart ? 1 : 0, createFailed.join())
  assert.equal(itemsLeft, 0, 'each record came back')

  // [13] One item of a bucket at a time, [14] in order.
  const hashed = enqueued.filter(([, , flags = '']) => flags.includes('h'))
  for (const [i, [, item, flags = '', bucket = 0]] of hashed.entries()) {
    for (const [, later, laterFlags = '', laterBucket = 0] of hashed.slice(i + 1)) {
      const [a, b] = [lives.get(item)!, lives.get(later)!]
      if (bucket !== laterBucket || a.ran.length === 0 || b.ran.length === 0) continue
      // What died did so at some time before the next one began.
      const apart = (x: Life, y: Life) => (x.ended[0] ?? x.ran[0]!) < y.ran[0]!
      assert(apart(a, b) || apart(b, a), `items ${item} and ${later} of bucket ${bucket} do not overlap`)
      const sameAcct = flags.includes('u') === laterFlags.includes('u')
      if (sameAcct) assert(a.ran[0]! < b.ran[0]!, `item ${item} of bucket ${bucket} runs before item ${later}`)
    }
  }

  // Nothing had to wait for an idle timeout.
  const wakes = Array.from({ length: SHAPE.nrSlots }, (_, slot) => mem.worker(slot) + (WORKER.at.wake >> 2))
  if (arg.options?.idleTimeoutMs === undefined) {
    const late = trace.findIndex(({ kind, word }) => kind === 'timeout' && wakes.includes(word))
    assert.equal(late, -1, 'a sleeping worker was woken by nobody but its idle timeout')
  }

  for (const rest of rests) {
    assertAtRest(rest, maxRunning)
    if (rest.wanted === undefined) continue
    assert.deepEqual(
      rest.accts.map((a) => a.nr_workers),
      rest.wanted,
      `[22] workers at rest; ${JSON.stringify(rest)}`,
    )
  }

  // [21] After exit nobody and nothing is left.
  const end = snapshot(mem)
  assertAtRest(end, maxRunning)
  assert.deepEqual(
    end.accts.map((a) => [a.nr_workers, a.nr_running, a.nr_queued]),
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
  )
  assert.deepEqual(end.hash, [0, 0, 0], 'each bucket is free')
  assert.equal(end.workers.filter(({ wake, state }) => wake === WAKE_ASLEEP && state === WORKER_IDLE).length, 0)
}
