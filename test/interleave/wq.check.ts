/**
 * What has to hold of io-wq after a schedule, and whenever everything is at rest. Main thread, and the owner's.
 *
 * Numbers in brackets are the invariants of ARCHITECTURE.md.
 */
import assert from 'node:assert/strict'
import { MPSCQ } from '../../src/lib/mpscq.js'
import {
  ITEM,
  ITEM_DONE,
  ITEM_RUNNING,
  ITEM_STATE_MASK,
  OWNER_AWAKE,
  WAKE_ASLEEP,
  WORKER_IDLE,
  WQ,
  WqMemory,
} from '../../src/wq/layout.js'
import { KIND } from './control.js'
import { valueAfter } from './effects.js'
import type { Step } from './explorer.js'
import { type Arg, type Report, SHAPE, sharedHash } from './wq.scenario.js'
import { assertAtRest, snapshot } from './wq.snapshot.js'

const OWNER_WAIT = WQ.at.owner_wait >> 2
/** An mpscq's tail, while it is empty. */
const STUB = -2

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
  const mem = WqMemory.attach(memory, SHAPE.payloadHash, sharedHash(new Int32Array(memory), arg))
  const { home, cancelled, died, answers, rests, itemsLeft, createFailed } = results[0] as Report
  const maxRunning = Math.max(arg.options?.concurrency ?? 1, arg.options?.maxRunning ?? SHAPE.nrSlots)
  const enqueued = arg.script.filter((op) => op[0] === 'enqueue')
  const lives = new Map(enqueued.map(([, item]) => [item, lifeOf(mem, item, trace)]))

  // Each item ends exactly once, and [10] a cancelled one never ran.
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

  // What one worker sends home comes in the order in which it was sent: the embedder's rings rely on it.
  const lastOf = new Map<number, number>()
  for (const item of home) {
    const end = lives.get(item)?.ended[0]
    if (end === undefined) continue
    const { thread } = trace[end]!
    assert(end > (lastOf.get(thread) ?? -1), `item ${item} comes home in its turn`)
    lastOf.set(thread, end)
  }

  // [7] One item of a bucket at a time, in order.
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
  const wakes = Array.from({ length: SHAPE.nrSlots }, (_, slot) => mem.wake(slot))
  if (arg.options?.idleTimeoutMs === undefined) {
    const late = trace.findIndex(({ kind, word }) => kind === 'timeout' && wakes.includes(word))
    assert.equal(late, -1, 'a sleeping worker was woken by nobody but its idle timeout')
  }

  // Nor the owner for its slice, beside what it waits for. Whoever was to wake it may have died.
  if (!trace.some(({ kind }) => kind === 'kill')) assertNoneAtHome(mem, trace)

  for (const rest of rests) {
    assertAtRest(rest, maxRunning)
    if (rest.wanted === undefined) continue
    assert.deepEqual(
      rest.accts.map((a) => a.nr_workers),
      rest.wanted,
      `[17] workers at rest; ${JSON.stringify(rest)}`,
    )
  }

  // [16] After exit nobody and nothing is left.
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

/** When the owner's sleep runs out it waits for more, and the queue has nothing that it was not told of. */
function assertNoneAtHome(mem: WqMemory, trace: readonly Step[]): void {
  const tail = mem.queue(0).queueWord + (MPSCQ.at.tail >> 2)
  let [wanted, isEmpty] = [0, true]
  for (const { kind, word, before, value, extra } of trace) {
    if (word === tail) isEmpty = valueAfter(KIND[kind], before, value, extra) === STUB
    if (word !== OWNER_WAIT) continue
    if (kind === 'xchg') wanted = value
    if (kind !== 'timeout') continue
    assert.notEqual(before, OWNER_AWAKE, 'the owner, for whom all had come, was woken by nobody but its timeout')
    assert(before < wanted || isEmpty, 'the owner slept beside an item that it had not been told of')
  }
}
