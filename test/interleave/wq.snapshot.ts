/**
 * How an io-wq stands, and what has to hold of it while nobody can go on. Any thread; plain reads.
 *
 * Numbers in brackets are the invariants of ARCHITECTURE.md.
 */
import assert from 'node:assert/strict'
import { NONE } from '../../src/lib/mpscq.js'
import {
  ACCT,
  IO_WQ_WORK_HASHED,
  ITEM,
  NR_ACCTS,
  WORKER,
  WORKER_IDLE,
  WORKER_STARTING,
  WORKER_UP,
  WQ,
  type WqMemory,
} from '../../src/wq/layout.js'

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
      const { acct, state, blocked, current, nr_async } = WORKER.at
      return {
        acct: word(w, acct),
        state: word(w, state),
        wake: mem.hashWords[mem.wake(slot)]!,
        blocked: word(w, blocked),
        current: word(w, current),
        detached: word(w, nr_async),
      }
    }),
    hash: Array.from({ length: mem.shape.nrBuckets }, (_, bucket) => mem.hashWords[mem.holderAt(bucket)]!),
    nr_spinning: words[WQ.at.nr_spinning >> 2]!,
  }
}

function acctOf(mem: WqMemory, acct: number): Acct {
  const { words } = mem
  const a = mem.acct(acct)
  const at = (byteOff: number) => words[a + (byteOff >> 2)]!
  const queued: number[] = []
  const free: number[] = []
  for (let item = at(ACCT.at.head); item !== NONE && queued.length <= mem.shape.nrItems; ) {
    queued.push(item)
    item = words[mem.item(item) + (ITEM.at.next >> 2)]!
  }
  for (let slot = at(ACCT.at.free_head); slot !== NONE && free.length <= mem.shape.nrSlots; ) {
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
    runnable: queued.filter((item) => bucketOf(item) === NONE || mem.hashWords[mem.holderAt(bucketOf(item))] === 0),
    nr_queued: at(ACCT.at.nr_queued),
    stalled: at(ACCT.at.stalled),
    free,
    nr_workers: at(ACCT.at.nr_workers),
    nr_running: at(ACCT.at.nr_running),
    listError: listError(mem, acct, queued, bucketOf),
  }
}

/** [13] Each bucket's items are one run, whose ends know each other. */
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
    if (places.length === 0) continue
    const [first, last] = [queued[places[0]!]!, queued[places.at(-1)!]!]
    const lastOf = (item: number) => words[mem.item(item) + (ITEM.at.tw_next >> 2)]
    if (lastOf(first) !== last || lastOf(last) !== first)
      return `the ends of bucket ${bucket}'s run do not know each other`
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
    assert.equal(a.nr_running, up.filter((w) => w.blocked === 0).length, `[15] nr_running; ${text}`)
    assert.deepEqual(a.free.toSorted(), idle.map((w) => w.slot).toSorted(), `the free list; ${text}`)
    for (const w of up) {
      const works = w.current !== NONE || w.detached > 0
      assert(w.state === WORKER_UP && works, `worker ${w.slot} is up, for it was woken or works; ${text}`)
    }
    if (a.stalled !== 0)
      assert(
        now.hash.some((holder) => holder !== 0),
        `[14] stalled, and no bucket busy; ${text}`,
      )
    if (a.runnable.length === 0) continue
    assert(a.nr_workers > 0, `[8] work is queued, and no worker is there; ${text}`)
    assert(a.free.length === 0 || a.nr_running >= maxRunning, `[9] a worker sleeps beside work; ${text}`)
  }
}
