/**
 * A pool under load whose workers are killed at random instants: nothing is lost, nothing runs twice. Main thread.
 *
 * What is done is drawn from a seed; when the threads meet it is not. Workers die by Worker.terminate(), which stops
 * JavaScript between any two instructions, by process.exit() in a job, by an error that nobody catches, and by running
 * out of memory.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { NONE } from '../../src/lib/mpscq.js'
import { Pool } from '../../src/pool/pool.js'
import { ITEM, ITEM_FREE, ITEM_STATE_MASK, WqMemory } from '../../src/wq/layout.js'
import { assertAtRest, snapshot } from '../interleave/wq.snapshot.js'
import { Prng } from '../model/prng.js'
import { Ledger, NR_KINDS } from './ledger.js'
import { StallWatch } from './stall.js'

export interface PoolStress {
  readonly jobs: number
  /** Threads killed, spread evenly over the jobs. */
  readonly kills: number
  readonly seed: number
}

type Jobs = typeof import('./jobs.js')
type Name = keyof Jobs

const NR_KEYS = 48
/** More than there are records, so that some wait in the backlog. */
const MAX_IN_FLIGHT = 12_000
const STALL_MS = 30_000
const HEAP_MB = 24
const MAX_LOOKS = 20_000
/** Of a parcel, at most: within the job's record, in the arena of arguments, by message. */
const SIZES = [100, 5000, 20_000, 120_000]
/** So that all have died before the last jobs are given. */
const AHEAD = 1.05
const BURSTS_PER_KILL = 5
/** Bursts of jobs until another thread is killed though the last one lives. */
const PATIENCE_TURNS = 3

const ENDS = ['none', 'resolved', 'aborted', 'died', 'no worker'] as const
type End = (typeof ENDS)[number]

/** What goes to a job through the postmaster, now and then. */
function beside(job: number): Blob | SharedArrayBuffer | undefined {
  if (job % 64 === 0) return new Blob(['x'])
  return job % 64 === 1 ? new SharedArrayBuffer(8) : undefined
}

class Run {
  readonly #options: PoolStress
  readonly #rng: Prng
  readonly #ledger: Ledger
  readonly #pool: Pool<Jobs>
  readonly #mem: WqMemory
  readonly #watch: StallWatch
  readonly #workers = new Set<Worker>()
  readonly #ends: Uint8Array
  readonly #names: Name[] = ['touch']
  readonly #signals: AbortController[] = []
  #given = 0
  #settled = 0
  #turns = 0
  #killTurn = 0
  #deathsAtKill = -1
  /** Threads that ended; those of them that did before the pool was closed. */
  #nrDeaths = 0
  #nrDied = 0
  readonly #kinds: Record<string, number> = {}
  readonly #onWorker = (worker: Worker) => {
    this.#workers.add(worker)
    worker.once('exit', () => {
      this.#workers.delete(worker)
      this.#nrDeaths++
    })
  }

  constructor(options: PoolStress) {
    this.#options = options
    this.#rng = new Prng(options.seed)
    this.#ledger = Ledger.create(options.jobs, NR_KEYS)
    this.#ends = new Uint8Array(options.jobs + 1)
    const [pool, mem] = withMemory(
      () =>
        new Pool<Jobs>(new URL('./jobs.js', import.meta.url), {
          maxWorkers: 3,
          maxUnbounded: 2,
          workerData: this.#ledger.words,
          resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
          // Node prints there what a thread died of.
          stderr: true,
        }),
    )
    this.#pool = pool
    this.#mem = mem
    this.#watch = new StallWatch(`jobs ${options.jobs}, kills ${options.kills}, seed ${options.seed}`, mem, STALL_MS)
  }

  /** Resolves with a line that says what was done. */
  async run(): Promise<string> {
    process.on('worker', this.#onWorker)
    const { jobs, kills } = this.#options
    const rng = this.#rng
    const burst = Math.min(100, Math.max(3, Math.ceil(jobs / kills / BURSTS_PER_KILL)))
    while (this.#given < jobs) {
      for (let n = rng.int(rng.oneIn(60) ? 40 * burst : burst) + 1; n > 0 && this.#given < jobs; n--) this.#giveAny()
      if (rng.oneIn(3)) this.#abortSome()
      if (this.#isKillDue()) this.#kill()
      const room = rng.oneIn(4) ? rng.int(50) : MAX_IN_FLIGHT
      this.#turns++
      do await turn()
      while (this.#given - this.#settled > room)
    }
    while (this.#settled < this.#given) await turn()
    this.#nrDied = this.#nrDeaths
    await this.#pool.close()
    process.off('worker', this.#onWorker)
    this.#watch.stop()
    return this.#verify()
  }

  #giveAny(): void {
    const rng = this.#rng
    if (rng.oneIn(25)) this.#give('look')
    else if (rng.oneIn(12)) this.#give('echo')
    else this.#give(rng.oneIn(20) ? 'later' : 'touch')
  }

  #give(name: Name): void {
    const rng = this.#rng
    const job = ++this.#given
    const key = rng.oneIn(3) ? rng.int(NR_KEYS) : NONE
    const unbounded = rng.oneIn(4)
    const controller = rng.oneIn(name === 'look' ? 2 : 20) ? new AbortController() : undefined
    if (controller !== undefined) this.#signals.push(controller)
    this.#names[job] = name
    const options = { unbounded, signal: controller?.signal, ...(key === NONE ? {} : { key }) }
    const args = [job, key, unbounded ? NR_KINDS - 1 : 0] as const
    this.#run(name, args, options).then(
      (value) => {
        assert.equal(value, job, 'a job gets its own result')
        this.#settle(job, 'resolved')
      },
      (error) => this.#settle(job, endOf(error)),
    )
  }

  async #run(name: Name, args: readonly [job: number, key: number, kind: number], options: object): Promise<number> {
    if (name === 'look') return this.#pool.run(name, [...args, this.#rng.int(MAX_LOOKS)], options)
    if (name !== 'echo') return this.#pool.run(name, args, options)
    const [job] = args
    const size = this.#rng.int(this.#rng.pick(SIZES))
    const sent = { job, bytes: new Uint8Array(size).fill(job), beside: beside(job) }
    const moving = job % 5 === 0 ? { ...options, transfer: [sent.bytes.buffer] } : options
    const back = await this.#pool.run(name, [...args, sent], moving)
    const parcel = back instanceof Map ? back.get('parcel')! : back
    assert.ok(parcel.bytes.length === size && parcel.bytes.every((byte) => byte === (job & 255)), 'whole, and its own')
    return parcel.job
  }

  #settle(job: number, end: End): void {
    assert.equal(this.#ends[job], 0, `job ${job} settles once`)
    this.#ends[job] = ENDS.indexOf(end)
    this.#settled++
    this.#watch.progress()
  }

  #abortSome(): void {
    for (const controller of this.#signals.splice(0)) if (this.#rng.oneIn(2)) controller.abort()
  }

  /** Threads shall die at the pace at which jobs end. One that was meant to may have left before, or takes its time. */
  #isKillDue(): boolean {
    const { jobs, kills } = this.#options
    const due = Math.min(kills, Math.ceil((this.#settled / jobs) * kills * AHEAD))
    if (this.#nrDeaths >= due) return false
    const late = this.#turns - this.#killTurn > PATIENCE_TURNS
    return late || this.#nrDeaths > this.#deathsAtKill
  }

  #kill(): void {
    const rng = this.#rng
    this.#killTurn = this.#turns
    this.#deathsAtKill = this.#nrDeaths
    const how = rng.weighted({ terminate: 60, exit: 25, throwLater: 12, eat: 3 })
    this.#kinds[how] = (this.#kinds[how] ?? 0) + 1
    if (how !== 'terminate' && this.#given < this.#options.jobs) {
      this.#give(how)
      return
    }
    // Some way into whatever the threads do.
    for (let looks = rng.int(20_000); looks > 0; looks--) this.#ledger.hasEnded(0)
    const workers = [...this.#workers]
    if (workers.length > 0) void rng.pick(workers).terminate()
  }

  #verify(): string {
    const { jobs } = this.#options
    const ledger = this.#ledger
    const counts = Object.fromEntries(ENDS.map((end) => [end, 0])) as Record<End, number>
    let nrHard = 0
    for (let job = 1; job <= jobs; job++) {
      const end = ENDS[this.#ends[job]!]!
      const [name, begun] = [this.#names[job]!, ledger.nrBegun(job)]
      const text = `job ${job} (${name}): ${end}, begun ${begun}`
      counts[end]++
      assert.ok(end !== 'none', `${text}: settles`)
      assert.ok(begun <= 1, `${text}: runs once at most`)
      if (end === 'resolved') assert.ok(begun === 1 && ledger.hasEnded(job), `${text}: resolved, so it ran`)
      if (end === 'aborted' && name !== 'look') assert.equal(begun, 0, `${text}: cancelled, so it never ran`)
      if (end === 'no worker') assert.equal(begun, 0, `${text}: nobody was there to run it`)
      if (name === 'exit' || name === 'eat') assert.ok(end !== 'resolved', text)
      if (end === 'died' && name !== 'later') nrHard++
      const met = ledger.met(job)
      if (met !== 0) assert.equal(ENDS[this.#ends[met]!], 'died', `${text}: job ${met} of its key was in, and lived`)
      assert.ok(ledger.behind(job) < job, `${text}: in the order of its key, behind ${ledger.behind(job)}`)
    }
    assert.ok(nrHard <= this.#nrDeaths, `${nrHard} jobs died with ${this.#nrDeaths} threads`)
    const stats = this.#pool.stats()
    assert.equal(stats.completed + stats.failed + stats.cancelled, jobs, 'every job is counted once')
    assert.deepEqual([stats.inFlight, stats.queued, ...stats.workers], [0, 0, 0, 0])
    this.#verifyMemory()
    assert.equal(this.#workers.size, 0, 'no thread is left')
    assert.deepEqual(workerThreads(), [])
    const ends = Object.entries(counts).filter(([, count]) => count > 0)
    const kinds = Object.entries(this.#kinds)
    return `${jobs} jobs (${list(ends)}); ${this.#nrDied} threads killed (${list(kinds)})`
  }

  #verifyMemory(): void {
    const now = snapshot(this.#mem)
    assertAtRest(now, Number.POSITIVE_INFINITY)
    assert.ok(
      now.accts.every((acct) => acct.nr_workers + acct.nr_running + acct.nr_queued === 0),
      'no worker counted, nothing queued',
    )
    assert.ok(
      now.hash.every((holder) => holder === 0),
      'no bucket is held',
    )
    assert.equal(now.nr_spinning, 0)
    for (let item = 0; item < this.#mem.shape.nrItems; item++) {
      const state = this.#mem.words[this.#mem.item(item) + (ITEM.at.state >> 2)]! & ITEM_STATE_MASK
      assert.equal(state, ITEM_FREE, `record ${item} is free`)
    }
  }
}

/** Resolves with a line that says what was done; rejects if anything went wrong. */
export function stressPool(options: PoolStress): Promise<string> {
  return new Run(options).run()
}

function endOf(error: Error & { code?: string }): End {
  if (error.code === 'ABORT_ERR') return 'aborted'
  if (error.code !== 'ERR_URING_WORKER_DIED') throw error
  return error.message.startsWith('no worker can be started') ? 'no worker' : 'died'
}

/** The memory of the io-wq that a body makes: a pool keeps it to itself. */
function withMemory<T>(body: () => T): [T, WqMemory] {
  const { create } = WqMemory
  let made: WqMemory | undefined
  WqMemory.create = (...args) => {
    made = create.apply(WqMemory, args)
    return made
  }
  try {
    const result = body()
    assert.ok(made !== undefined)
    return [result, made]
  } finally {
    WqMemory.create = create
  }
}

/** The names of this process's threads that call themselves io-wq workers. */
function workerThreads(): string[] {
  return readdirSync('/proc/self/task').flatMap((tid) => {
    try {
      const name = readFileSync(`/proc/self/task/${tid}/comm`, 'latin1').trim()
      return name.startsWith('iou-wrk') ? [name] : []
    } catch {
      return []
    }
  })
}

function list(entries: readonly (readonly [string, number])[]): string {
  return entries.map(([name, count]) => `${count} ${name}`).join(', ')
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
