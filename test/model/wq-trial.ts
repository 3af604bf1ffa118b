/**
 * A history on a real io-wq, held against the model burst by burst. Main thread.
 *
 * After each burst it waits until the real one stands where the model says that it may come to, and that it is in order
 * there; the answers of the calls have to fit as well. Numbers in brackets are the invariants of
 * ARCHITECTURE.md.
 */
import assert from 'node:assert/strict'
import { assertAtRest, snapshot } from '../interleave/wq.snapshot.js'
import { dump } from '../stress/dump.js'
import { type Call, type History, NR_BUCKETS } from './wq-history.js'
import { type Item, key, Machine, only } from './wq-model.js'
import { type How, Stand } from './wq-stand.js'

const LIMIT_MS = 10_000

class Trial {
  readonly #history: History
  readonly #stand: Stand
  readonly #machine = new Machine()
  readonly #items: Item[] = []
  #limits: [bound: number, unbound: number]
  /** Workers at the last look, and limits since. */
  #workers: [bound: number, unbound: number] = [0, 0]
  #limitsSince: [bound: number, unbound: number] = [0, 0]
  #isLeaving = false
  /** At any time since the last look. */
  #wasLeaving = false
  nrStates = 0

  constructor(history: History) {
    this.#history = history
    this.#limits = [...history.maxWorkers]
    this.#stand = new Stand(history)
  }

  async run(): Promise<void> {
    for (const burst of this.#history.bursts) {
      for (const call of burst) {
        this.#spread()
        this.#call(call)
      }
      await this.#compare()
    }
    await this.#exit()
    this.#checkLives()
    assert.deepEqual(this.#stand.tooMany, [], '[8] no worker is made beyond the limit')
  }

  /** Those there are stay when the limit is lowered, and take work; or they leave, as they may. */
  get #mostWorkers(): [bound: number, unbound: number] {
    const most = (acct: 0 | 1) => Math.max(this.#limits[acct], this.#limitsSince[acct], this.#workers[acct])
    return [most(0), most(1)]
  }

  /** All that may be by now. */
  #spread(): ReturnType<Machine['settle']> {
    const most = this.#mostWorkers
    const ends = new Map(this.#machine.settle(most))
    for (let bound = this.#limits[0]; bound <= most[0]; bound++) {
      for (let unbound = this.#limits[1]; unbound <= most[1]; unbound++) {
        for (const [name, state] of this.#machine.settle([bound, unbound])) ends.set(name, state)
      }
    }
    return ends
  }

  #call(call: Call): void {
    const { wq } = this.#stand
    switch (call[0]) {
      case 'enqueue': {
        const [, item, concurrent, announced] = call
        this.#items[item.id] = item
        this.#stand.enqueue(item, concurrent, announced)
        this.#machine.enqueue(item)
        return
      }
      case 'release':
        this.#stand.open(call[1])
        this.#machine.release(call[1])
        return
      case 'cancel': {
        const item = this.#stand.itemOf(call[1])
        const answer = item === undefined ? 'notfound' : wq.cancel(item)
        this.#machine.cancel(call[1], answer)
        break
      }
      case 'cancelMatch':
        this.#cancelMatch(call[1], call[2])
        break
      case 'maxWorkers': {
        const [, bound, unbound] = call
        assert.deepEqual(wq.maxWorkers(bound, unbound), this.#limits, 'maxWorkers answers what was')
        // As many may have been made before.
        this.#limitsSince = [...this.#mostWorkers]
        this.#limits = [bound || this.#limits[0], unbound || this.#limits[1]]
        return
      }
      case 'exitOnIdle':
        this.#isLeaving = call[1]
        this.#wasLeaving ||= call[1]
        wq.setExitOnIdle(call[1])
        return
    }
    assert.ok(this.#machine.states.size > 0, `[10] ${JSON.stringify(call)}: no order of steps gives this answer`)
  }

  #cancelMatch(bucket: number, all: boolean): void {
    const { wq, ended } = this.#stand
    const matches = this.#items.filter((item) => item.bucket === bucket && this.#stand.itemOf(item.id) !== undefined)
    const ids = matches.map(({ id }) => id)
    const toldBefore = ids.filter((id) => this.#isTold(id))
    const answer = wq.cancelMatch((record) => ids.includes(this.#stand.idOf(record) ?? -1), all)
    const gone = ids.filter((id) => ended.get(id) === 'cancelled')
    const told = ids.filter((id) => this.#isTold(id) && !toldBefore.includes(id))
    if (!all) {
      const found = answer === 'ok' ? gone[0] : told[0]
      this.#machine.cancelOne(ids, found, answer)
      assert.ok(gone.length + told.length <= 1, 'one at most is cancelled')
      return
    }
    for (const id of gone) this.#cancelled(id, 'ok')
    for (const id of told) this.#cancelled(id, 'running')
    if (gone.length + told.length + toldBefore.length === 0) assert.equal(answer, 'notfound')
    else if (told.length > 0) assert.equal(answer, 'running')
    if (answer === 'ok') assert.ok(gone.length > 0)
    for (const id of ids) if (![...gone, ...told, ...toldBefore].includes(id)) this.#cancelled(id, 'notfound')
  }

  #cancelled(id: number, answer: 'ok' | 'running' | 'notfound'): void {
    this.#spread()
    this.#machine.cancel(id, answer)
  }

  #isTold(id: number): boolean {
    const item = this.#stand.itemOf(id)
    return item !== undefined && this.#stand.wq.isCancelled(item)
  }

  /** Waits until the real one stands at one of the ends that the model has. */
  async #compare(): Promise<void> {
    const ends = this.#spread()
    this.nrStates += this.#machine.states.size
    const until = performance.now() + LIMIT_MS
    for (;;) {
      this.#stand.drain()
      try {
        const now = this.#stand.look()
        assert.ok(ends.has(key(now)), `it stands at ${key(now)}, and may come to ${[...ends.keys()].join('  or  ')}`)
        assertAtRest(snapshot(this.#stand.wq.mem), this.#history.maxRunning)
        this.#checkWorkers()
        this.#machine.states = only([now])
        this.#workers = this.#stand.workers()
        this.#limitsSince = [0, 0]
        this.#wasLeaving = this.#isLeaving
        return
      } catch (error) {
        if (performance.now() > until) throw error
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }

  /** [17] With exit-on-idle none is idle, after an idle timeout one at most; else those that came stay. */
  #checkWorkers(): void {
    const { queues, hands } = this.#stand.look()
    for (const [acct, count] of this.#stand.workers().entries()) {
      const busy = hands.filter((hand) => hand.acct === acct).length
      const text = `account ${acct} has ${count} workers, of which ${busy} are busy`
      const stays = queues[acct]!.length > 0 ? 1 : 0
      if (this.#isLeaving) assert.equal(count, Math.max(busy, stays), `${text}, with exit-on-idle`)
      else if (this.#history.idleTimeoutMs !== undefined) {
        assert.ok(count <= Math.max(busy, 1), `${text}, after the idle timeout`)
      }
      assert.ok(count >= busy && count <= this.#mostWorkers[acct]!, text)
      if (this.#isLeaving) continue
      const stayed = Math.max(stays, this.#wasLeaving ? 0 : Math.min(this.#workers[acct]!, 1))
      assert.ok(count >= stayed, `${text}: the last one stays`)
    }
  }

  /** [16] What is unbounded and pending is cancelled, what is bounded runs, and what comes later is cancelled. */
  async #exit(): Promise<void> {
    const { wq } = this.#stand
    this.#call(['exitOnIdle', false])
    const [gate, last] = [this.#items.length, 6]
    const extra: Item[] = Array.from({ length: last }, (_, i) => ({
      id: gate + i,
      acct: i % 2,
      bucket: i < 2 ? -1 : (i >> 1) % NR_BUCKETS,
      kind: i < 2 ? 1 : 0,
    }))
    this.#items.push(...extra)
    for (const item of extra.slice(0, 2)) this.#stand.enqueue(item, true, false)
    for (const item of extra.slice(0, 2)) this.#machine.enqueue(item)
    await this.#compare()
    wq.maxWorkers(1, 1)
    for (const item of extra.slice(2)) this.#stand.enqueue(item, false, false)
    const gone = wq.exit()
    const late: Item = { id: gate + last, acct: 0, bucket: -1, kind: 0 }
    this.#items.push(late)
    this.#stand.enqueue(late, true, false)
    assert.equal(this.#stand.ended.get(late.id), 'cancelled', '[16] nothing is taken after exit')
    for (const item of extra.slice(0, 2)) this.#stand.open(item.id)
    await gone
    this.#stand.drain()
    assert.deepEqual(wq.counts().workers, [0, 0], '[16] no worker is left')
    assert.equal(wq.counts().items, 0, '[16] no record is in use')
    assertAtRest(snapshot(wq.mem), this.#history.maxRunning)
    for (const { id, acct } of extra) {
      const how = this.#stand.ended.get(id)
      if (acct === 0) assert.equal(how, 'done', `[16] item ${id} is bounded, and runs`)
      else assert.ok(how !== undefined, `[16] item ${id} ends`)
    }
  }

  /** [7] No two of a bucket overlap, those of one account run in order; [10] what was cancelled never ran. */
  #checkLives(): void {
    const last = new Map<string, number>()
    const lives = this.#items.map((item) => ({ ...item, life: this.#stand.lifeOf(item.id), how: this.#how(item.id) }))
    for (const { id, acct, bucket, life, how } of lives) {
      const [began, ended] = life
      if (how === 'cancelled') assert.deepEqual(life, [0, 0], `[10] item ${id} was cancelled, and never ran`)
      else assert.ok(ended > began, `item ${id} ran`)
      if (bucket < 0 || how === 'cancelled') continue
      assert.ok(began >= (last.get(`${acct} ${bucket}`) ?? 0), `[7] item ${id} runs in the order of its bucket`)
      last.set(`${acct} ${bucket}`, ended)
    }
    const hashed = lives.filter(({ bucket, how }) => bucket >= 0 && how === 'done')
    for (let bucket = 0; bucket < NR_BUCKETS; bucket++) {
      const own = hashed.filter((item) => item.bucket === bucket).sort((x, y) => x.life[0] - y.life[0])
      for (const [i, { id, life }] of own.entries()) {
        const before = own[i - 1]
        if (before !== undefined) assert.ok(before.life[1] < life[0], `[7] items ${before.id} and ${id} overlap`)
      }
    }
  }

  #how(id: number): How {
    const how = this.#stand.ended.get(id)
    assert.ok(how !== undefined, `item ${id} ended`)
    return how
  }

  dump(): string {
    return dump(this.#stand.wq.mem)
  }
}

/** Resolves with the number of the model's states; rejects where the io-wq does what the model does not allow. */
export async function tryHistory(history: History): Promise<number> {
  const trial = new Trial(history)
  try {
    await trial.run()
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${trial.dump()}`, { cause: error })
  }
  return trial.nrStates
}
