/**
 * Queues that dead workers left half done, against the order of what each had sent. One thread: a worker that dies in the
 * midst of a push is an exception out of its next step.
 */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { setStepHook } from '../../src/lib/barrier.js'
import { init, NONE, producer } from '../../src/lib/mpscq.js'
import { ITEM, ITEM_CANCELED, ITEM_DONE, ITEM_SLOT_SHIFT, ITEM_TAKEN, WqMemory } from '../../src/wq/layout.js'
import type { Wreck } from '../../src/wq/recover.js'
import { TaskWork } from '../../src/wq/task-work.js'
import { drawSeed, withSeed } from '../seed.js'
import { Prng } from './prng.js'

const NR_ITEMS = 64
const WORKERS = 6
const QUEUES = 2
const { seed: SEED, runs: RUNS } = drawSeed(1000)

afterEach(() => setStepHook(undefined))

/** What one worker does, step by step. */
class Sender {
  readonly slot: number
  /** What it sent, or was about to, in order. */
  readonly sent: number[] = []
  readonly #mem: WqMemory
  /** Between the two steps of a push: the second. */
  #second: (() => void) | undefined
  /** In its hands as it dies: perhaps sent, and perhaps not. */
  current = NONE
  isDead = false

  constructor(mem: WqMemory, slot: number) {
    this.#mem = mem
    this.slot = slot
  }

  get isMidPush(): boolean {
    return this.#second !== undefined
  }

  /** Until it is about to push. */
  begin(item: number, queue: number, canceled = false): void {
    const { words } = this.#mem
    const at = this.#mem.item(item)
    words[at + (ITEM.at.queue >> 2)] = queue
    words[at + (ITEM.at.tw_next >> 2)] = NONE
    words[at + (ITEM.at.state >> 2)] = (canceled ? ITEM_CANCELED : ITEM_DONE) | (this.slot << ITEM_SLOT_SHIFT)
    words[at + (ITEM.at.prev >> 2)] = this.sent.length
    this.sent.push(item)
    this.current = item
  }

  first(): void {
    const queue = this.#mem.words[this.#mem.item(this.current) + (ITEM.at.queue >> 2)]!
    const steps: (() => void)[] = []
    let exchanged = false
    setStepHook((kind, _words, word, value) => {
      if (exchanged) {
        steps.push(() => {
          this.#mem.words[word] = value
        })
        throw new Error('stopped')
      }
      exchanged = kind === 'xchg'
      return undefined
    })
    assert.throws(() => producer(this.#mem.queue(queue)).push(this.current), /stopped/)
    setStepHook(undefined)
    this.#second = steps[0]
  }

  second(): void {
    this.#second!()
    this.#second = undefined
  }

  end(): void {
    this.current = NONE
  }
}

class Stand {
  readonly mem = WqMemory.create({
    nrSlots: WORKERS,
    nrQueues: QUEUES,
    nrBuckets: 1,
    nrItems: NR_ITEMS,
    payloadBytes: 0,
    payloadHash: 0,
  })
  readonly taskWork = new TaskWork(this.mem)
  readonly senders = Array.from({ length: WORKERS }, (_, slot) => new Sender(this.mem, slot))
  /** What came home, by queue. */
  readonly home: number[][] = [[], []]

  constructor() {
    for (let queue = 0; queue < QUEUES; queue++) init(this.mem.queue(queue))
  }

  /** As the repair after these finds it. */
  wreckOf(dead: readonly Sender[]): Wreck {
    const wreck: Wreck = { died: [], inDoubt: [], cancelled: [] }
    for (const { slot, sent, current } of dead) {
      for (const item of sent) {
        const state = this.mem.words[this.mem.item(item) + (ITEM.at.state >> 2)]!
        if (state === (ITEM_CANCELED | (slot << ITEM_SLOT_SHIFT))) wreck.cancelled.push(item)
        else if (item === current && state === (ITEM_DONE | (slot << ITEM_SLOT_SHIFT))) wreck.inDoubt.push(item)
      }
      const state = current === NONE ? 0 : this.mem.words[this.mem.item(current) + (ITEM.at.state >> 2)]!
      if (state === (ITEM_CANCELED | (slot << ITEM_SLOT_SHIFT))) wreck.inDoubt.push(current)
    }
    return wreck
  }

  get isMidPush(): boolean {
    return this.senders.some(({ isDead, isMidPush }) => !isDead && isMidPush)
  }

  pop(queue: number): void {
    for (let item = this.taskWork.pop(queue); item !== NONE; item = this.taskWork.pop(queue)) {
      this.taskWork.foundAstray(item)
      this.home[queue]!.push(item)
      this.mem.words[this.mem.item(item) + (ITEM.at.state >> 2)] = ITEM_TAKEN
    }
  }

  /** Everything once, and what one worker sent in its order. */
  check(): void {
    const all = this.senders.flatMap(({ sent }) => sent)
    assert.deepEqual(
      this.home.flat().sort((a, b) => a - b),
      [...all].sort((a, b) => a - b),
      'each comes home once',
    )
    for (const { sent } of this.senders) {
      for (const home of this.home) {
        const own = home.filter((item) => sent.includes(item))
        assert.deepEqual(
          own,
          sent.filter((item) => own.includes(item)),
          'in the order of sending',
        )
      }
    }
  }
}

test('a repair within a repair lands what is behind', () => {
  const stand = new Stand()
  const [a, b] = stand.senders as [Sender, Sender]
  a.begin(1, 0)
  for (const item of [2, 3]) {
    b.begin(item, 0)
    b.first()
    b.second()
  }
  b.begin(4, 0)
  b.first()
  stand.taskWork.doubt(stand.wreckOf([a]))
  const die = () => {
    b.isDead = true
    stand.taskWork.doubt(stand.wreckOf([b]))
    stand.taskWork.clearDoubts(() => stand.isMidPush, assert.fail)
  }
  stand.taskWork.clearDoubts(() => stand.isMidPush, die)
  stand.pop(0)
  stand.check()
})

test('three die in the midst of a push, and one more sends between them', () => {
  const stand = new Stand()
  const [a, b, c, d] = stand.senders as [Sender, Sender, Sender, Sender]
  const whole = (sender: Sender, item: number) => {
    sender.begin(item, 0)
    sender.first()
    sender.second()
  }
  // The chain: a's gap, 10, b's gap, 11 12, c's gap, 13. That 10 comes before 11 only their sender knows.
  for (const [dying, items] of [
    [a, [10]],
    [b, [11, 12]],
    [c, [13]],
  ] as const) {
    dying.begin(dying.slot + 1, 0)
    dying.first()
    for (const item of items) whole(d, item)
  }
  stand.taskWork.doubt(stand.wreckOf([c, b, a]))
  stand.taskWork.clearDoubts(() => false, assert.fail)
  stand.pop(0)
  assert.deepEqual(stand.home[0], [1, 10, 2, 11, 12, 3, 13])
})

test(`${RUNS} histories of workers that die between any two steps`, async () => {
  for (let seed = SEED; seed < SEED + RUNS; seed++) await withSeed(seed, async () => history(new Prng(seed)))
})

function history(random: Prng): void {
  const stand = new Stand()
  let nrItems = 0
  /** Repairs that wait: how deep. */
  let depth = 0
  const step = () => {
    const living = stand.senders.filter(({ isDead }) => !isDead)
    if (living.length === 0) return
    const one = random.pick(living)
    if (random.oneIn(12)) die(random.oneIn(3) ? living.filter((other) => other === one || random.oneIn(2)) : [one])
    else if (one.isMidPush) one.second()
    else if (one.current === NONE) {
      if (nrItems < NR_ITEMS) one.begin(nrItems++, random.int(QUEUES), random.oneIn(6))
    } else if (isSent(one)) one.end()
    else one.first()
  }
  const sentOnes = new Set<number>()
  const isSent = ({ current }: Sender) => {
    if (sentOnes.has(current)) return true
    sentOnes.add(current)
    return false
  }
  const die = (dead: readonly Sender[]) => {
    for (const one of dead) one.isDead = true
    stand.taskWork.doubt(stand.wreckOf(dead))
    // A lock that another holds: it dies as well, perhaps.
    if (depth < 3 && random.oneIn(4)) nested(step)
    nested(() =>
      stand.taskWork.clearDoubts(
        () => stand.isMidPush,
        () => nested(step),
      ),
    )
    // The embedder is told, and pops.
    if (random.oneIn(2)) for (let queue = 0; queue < QUEUES; queue++) stand.pop(queue)
  }
  const nested = (run: () => void) => {
    depth++
    run()
    depth--
  }
  for (let steps = 0; steps < 120; steps++) {
    step()
    if (random.oneIn(8)) stand.pop(random.int(QUEUES))
  }
  for (const one of stand.senders) if (!one.isDead && one.isMidPush) one.second()
  die(stand.senders.filter(({ isDead }) => !isDead))
  for (let queue = 0; queue < QUEUES; queue++) stand.pop(queue)
  stand.check()
}
