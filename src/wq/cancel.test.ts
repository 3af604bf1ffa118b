/**
 * Cancels of an item in every state: what they answer, and what comes home. By account, hashed or not, by name, as the one
 * that matches and as all that match.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fetchOr, loadAcquire, storeRelease } from '../lib/barrier.js'
import { NONE } from '../lib/mpscq.js'
import type { CancelResult } from './cancels.js'
import {
  ACCT,
  ACCT_BOUND,
  ACCT_UNBOUND,
  IO_WQ_WORK_CANCEL,
  IO_WQ_WORK_HASHED,
  IO_WQ_WORK_UNBOUND,
  ITEM,
  ITEM_CANCELED,
  ITEM_DONE,
  ITEM_FREE,
  ITEM_QUEUED,
  ITEM_RUNNING,
  ITEM_STATE_MASK,
  ITEM_TAKEN,
} from './layout.js'
import { HOLD, HOLD_TAKEN, NOOP, NOTE, WAIT_CANCEL } from './wq.test.ops.js'
import { type End, type Given, Stand, until } from './wq.test.stand.js'

const BUCKET = 3

type How = (wq: Stand['wq'], item: number) => CancelResult
const HOWS: Record<string, How> = {
  'by name': (wq, item) => wq.cancel(item),
  'the one that matches': (wq, item) => wq.cancelMatch((other) => other === item, false),
  'all that match': (wq, item) => wq.cancelMatch((other) => other === item, true),
}

interface Scene {
  readonly item: number
  readonly end?: Promise<End> | undefined
  /** The item behind it. */
  readonly last?: number
  /** Lets all go on that was held. */
  go(): void
  /** What the notes around the item say in the end. */
  check(): Promise<void>
}

interface State {
  /** In the item's state word as the cancel comes. */
  readonly state: number
  readonly answer: CancelResult
  readonly ends?: End['how']
  readonly hashedOnly?: boolean
  make(kind: Kind): Promise<Scene>
}

let stand: Stand
before(() => {
  stand = new Stand({ maxWorkers: [1, 1], maxRunning: 8 })
})
after(() => stand.close())

const stateOf = (item: number) => loadAcquire(stand.wq.mem.words, stand.wq.mem.item(item) + (ITEM.at.state >> 2))

/** The account of an item, and whether it is hashed. */
class Kind {
  readonly name: string
  readonly acct: number
  readonly isHashed: boolean

  constructor(acct: number, isHashed: boolean) {
    this.acct = acct
    this.isHashed = isHashed
    this.name = `${acct === ACCT_UNBOUND ? 'unbound' : 'bound'}${isHashed ? ', hashed' : ''}`
  }

  give(op: number, a = 0, b = 0): Given {
    return stand.give(op, a, b, this.#acctFlag | (this.isHashed ? IO_WQ_WORK_HASHED : 0), this.isHashed ? BUCKET : 0)
  }

  /** Of no bucket. */
  plain(op: number, a = 0, b = 0): Given {
    return stand.give(op, a, b, this.#acctFlag)
  }

  /** Of the bucket, in the other account. */
  other(op: number, a: number): Given {
    return stand.give(op, a, 0, (this.#acctFlag ^ IO_WQ_WORK_UNBOUND) | IO_WQ_WORK_HASHED, BUCKET)
  }

  get #acctFlag(): number {
    return this.acct === ACCT_UNBOUND ? IO_WQ_WORK_UNBOUND : 0
  }
}

/** The account's worker is held, and 1, the item, 2 are queued behind. */
async function between(
  kind: Kind,
  makes: (log: number) => Given,
): Promise<{ given: Given; open(): void; scene: Scene }> {
  const [gate, log] = [stand.words(2), stand.words(8)]
  const held = kind.plain(HOLD, gate)
  await stand.arrived(gate)
  const first = kind.give(NOTE, log, 1)
  const given = makes(log)
  const last = kind.give(NOTE, log, 2)
  const open = () => stand.open(gate)
  const check = async () => {
    await Promise.all([held, first, last].map(({ end }) => end))
    assert.deepEqual(stand.log(log), [1, 2])
  }
  return { given, open, scene: { ...given, last: last.item, go: open, check } }
}

/** As one of three, at the first, the second or the last place; and one more comes when it is gone. */
async function queuedAt(kind: Kind, place: number): Promise<Scene> {
  const [gate, log] = [stand.words(2), stand.words(8)]
  const ends = [kind.plain(HOLD, gate)]
  await stand.arrived(gate)
  let given: Given | undefined
  for (const at of [0, 1, 2]) {
    if (at === place) given = kind.give(NOTE, log, 9)
    else ends.push(kind.give(NOTE, log, at))
  }
  const go = () => {
    ends.push(kind.give(NOTE, log, 3))
    stand.open(gate)
  }
  const check = async () => {
    await Promise.all(ends.map(({ end }) => end))
    assert.deepEqual(
      stand.log(log),
      [0, 1, 2, 3].filter((at) => at !== place),
    )
  }
  return { ...given!, go, check }
}

/** All of the account waits for the bucket, which the other account's worker has. */
async function queuedBehindABusyBucket(kind: Kind): Promise<Scene> {
  const gate = stand.words(2)
  const holder = kind.other(HOLD, gate)
  await stand.arrived(gate)
  const { open, scene } = await between(kind, (log) => kind.give(NOTE, log, 9))
  open()
  const { mem } = stand.wq
  await until(() => loadAcquire(mem.words, mem.acct(kind.acct) + (ACCT.at.stalled >> 2)) === 1, 'the account stalls')
  const check = async () => {
    await holder.end
    await scene.check()
  }
  return { ...scene, go: () => stand.open(gate), check }
}

/** The worker has the item in hand; where it is hashed, what is behind it too. */
async function taken(kind: Kind): Promise<Scene> {
  const [gate, at] = [stand.words(2), stand.words(1)]
  let holder: Given | undefined
  const { given, open, scene } = await between(kind, (log) => {
    holder = kind.give(HOLD_TAKEN, gate, at)
    return kind.give(NOTE, log, 9)
  })
  storeRelease(stand.shared, at, given.item + 1)
  open()
  await stand.arrived(gate)
  const check = async () => {
    await holder?.end
    await scene.check()
  }
  return { ...scene, go: () => stand.open(gate), check }
}

/** The same, and what is held is the item before it: of a run that is in hand. */
async function takenBehindOneThatRuns(kind: Kind): Promise<Scene> {
  const gate = stand.words(2)
  let runs: Given | undefined
  const { open, scene } = await between(kind, (log) => {
    runs = kind.give(HOLD, gate)
    return kind.give(NOTE, log, 9)
  })
  open()
  await stand.arrived(gate)
  const check = async () => {
    await runs?.end
    await scene.check()
  }
  return { ...scene, go: () => stand.open(gate), check }
}

async function running(kind: Kind): Promise<Scene> {
  const gate = stand.words(2)
  const { open, scene } = await between(kind, () => kind.give(WAIT_CANCEL, gate))
  open()
  await stand.arrived(gate)
  const { words } = stand.wq.mem
  // Should it not have been told.
  const go = () => fetchOr(words, stand.wq.mem.item(scene.item) + (ITEM.at.flags >> 2), IO_WQ_WORK_CANCEL)
  return { ...scene, go }
}

/** Ended, and not yet popped. */
async function done(kind: Kind): Promise<Scene> {
  const given = kind.give(NOOP)
  stand.drains = false
  await until(() => (stateOf(given.item) & ITEM_STATE_MASK) === ITEM_DONE, 'the item ends')
  return { ...given, go: () => (stand.drains = true), check: async () => undefined }
}

/** Cancelled in the worker's hands, which has not let go of it. */
async function cancelled(kind: Kind): Promise<Scene> {
  const scene = await taken(kind)
  assert.equal(stand.wq.cancel(scene.item), 'ok')
  assert.equal((await scene.end)?.how, 'cancelled')
  return { ...scene, end: undefined }
}

/** The same, home by now, and not yet popped. */
async function cancelledHome(kind: Kind): Promise<Scene> {
  const { item, last, go, check } = await cancelled(kind)
  stand.drains = false
  go()
  // The worker sent it home before that.
  await until(() => (stateOf(last!) & ITEM_STATE_MASK) === ITEM_DONE, 'the item behind it ends')
  return { item, go: () => (stand.drains = true), check }
}

async function free(): Promise<Scene> {
  const item = stand.wq.alloc()
  assert.notEqual(item, NONE)
  return { item, go: () => stand.wq.free(item), check: async () => undefined }
}

const STATES: Record<string, State> = {
  free: { state: ITEM_FREE, answer: 'notfound', make: free },
  'queued first': { state: ITEM_QUEUED, answer: 'ok', ends: 'cancelled', make: (kind) => queuedAt(kind, 0) },
  'queued between': { state: ITEM_QUEUED, answer: 'ok', ends: 'cancelled', make: (kind) => queuedAt(kind, 1) },
  'queued last': { state: ITEM_QUEUED, answer: 'ok', ends: 'cancelled', make: (kind) => queuedAt(kind, 2) },
  'queued behind a busy bucket': {
    state: ITEM_QUEUED,
    answer: 'ok',
    ends: 'cancelled',
    hashedOnly: true,
    make: queuedBehindABusyBucket,
  },
  taken: { state: ITEM_TAKEN, answer: 'ok', ends: 'cancelled', make: taken },
  'taken behind one that runs': {
    state: ITEM_TAKEN,
    answer: 'ok',
    ends: 'cancelled',
    hashedOnly: true,
    make: takenBehindOneThatRuns,
  },
  running: { state: ITEM_RUNNING, answer: 'running', ends: 'done', make: running },
  done: { state: ITEM_DONE, answer: 'notfound', ends: 'done', make: done },
  'cancelled in hand': { state: ITEM_CANCELED, answer: 'notfound', make: cancelled },
  'cancelled, and home': { state: ITEM_CANCELED, answer: 'notfound', make: cancelledHome },
}

for (const kind of [ACCT_BOUND, ACCT_UNBOUND].flatMap((acct) => [new Kind(acct, false), new Kind(acct, true)])) {
  for (const [name, { state, answer, ends, hashedOnly, make }] of Object.entries(STATES)) {
    if (hashedOnly && !kind.isHashed) continue
    for (const [how, cancel] of Object.entries(HOWS)) {
      test(`cancel of an item that is ${name} (${kind.name}), ${how}: ${answer}`, async () => {
        const { item, end, go, check } = await make(kind)
        try {
          assert.equal(stateOf(item) & ITEM_STATE_MASK, state)
          assert.equal(cancel(stand.wq, item), answer)
          // It was ended by the cancel itself, not when it came home.
          if (ends === 'cancelled') assert.ok(!stand.ends.has(item))
          if (answer === 'running') assert.ok(stand.wq.isCancelled(item))
        } finally {
          go()
        }
        assert.equal((await end)?.how, ends)
        await check()
        await until(() => stand.wq.counts().items === 0, 'every record is free')
      })
    }
  }
}

test('cancelMatch of all, in every state at once: what runs is told, what waits never runs', async () => {
  for (const isHashed of [false, true]) {
    const kind = new Kind(ACCT_BOUND, isHashed)
    const scene = await (isHashed ? takenBehindOneThatRuns(kind) : taken(kind))
    const more = [new Kind(ACCT_UNBOUND, false), kind].map((other) => [other, stand.words(2)] as const)
    const runs = more[0]![0].give(WAIT_CANCEL, more[0]![1])
    await stand.arrived(more[0]![1])
    const waits = more.map(([other]) => other.give(NOOP))
    const wanted = new Set([scene.item, runs.item, ...waits.map(({ item }) => item)])
    assert.equal(
      stand.wq.cancelMatch((item) => wanted.has(item), true),
      'running',
    )
    for (const { end } of [scene, ...waits]) assert.equal((await end)?.how, 'cancelled')
    assert.deepEqual(await runs.end, { how: 'done', result: 1 })
    scene.go()
    await scene.check()
    await until(() => stand.wq.counts().items === 0, 'every record is free')
  }
})

for (const place of ['first', 'last']) {
  test(`a run whose queued ${place} item was cancelled ends where it ended: what is behind it is anybody's`, async () => {
    // Not the stand of the others: two workers, and no record is used anew.
    const two = new Stand({ maxWorkers: [2, 1], maxRunning: 8 })
    const [one, other, gate] = [two.words(2), two.words(2), two.words(2)]
    const ends = [two.give(HOLD, one).end, two.give(HOLD, other).end]
    await Promise.all([two.arrived(one), two.arrived(other)])
    const gone = () => two.hashed(NOOP, 0, 0, BUCKET)
    const early = place === 'first' ? gone() : undefined
    ends.push(two.hashed(HOLD, gate, 0, BUCKET).end, two.hashed(NOOP, 0, 0, BUCKET).end)
    const late = place === 'last' ? gone() : undefined
    const behind = [two.hashed(NOOP, 0, 0, BUCKET + 1), two.give(NOOP)]
    const { item, end } = (early ?? late)!
    assert.equal(two.wq.cancel(item), 'ok')
    assert.equal((await end).how, 'cancelled')
    two.open(one)
    await two.arrived(gate)
    two.open(other)
    // The other worker runs all that is not of the bucket, and then this.
    await two.flush()
    for (const { item } of behind) assert.ok(!two.ends.has(item), 'it is in the hands of whoever has the bucket')
    two.open(gate)
    await Promise.all([...ends, ...behind.map(({ end }) => end)])
    await two.close()
  })
}
