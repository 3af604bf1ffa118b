/**
 * Starts the threads of a scenario and takes them through one schedule after another. Runs on the test's main thread,
 * which sleeps while a schedule runs.
 */
import { Buffer } from 'node:buffer'
import { Worker } from 'node:worker_threads'
import {
  H,
  KINDS,
  type Kind,
  L,
  LOG_WORDS,
  OUTCOMES,
  type Outcome,
  P,
  PLAN_WORDS,
  places,
  RESULT_BYTES,
  STATES,
  T,
  threadAt,
} from './control.js'
import type { Scenario, ScenarioModule, Step } from './explorer.js'
import type { ThreadData } from './thread.js'

/** A thread that takes longer from one step to the next runs in circles without any. */
const STUCK_MS = 20_000

/** Sets of threads are one word's bits. */
const MAX_THREADS = 30

export interface PlanRow {
  readonly thread: number
  /** Set of threads that took this step in earlier schedules. */
  readonly tried: number
}

export class Controller {
  readonly module: ScenarioModule
  readonly memory: SharedArrayBuffer
  readonly #arg: unknown
  readonly #workers: Worker[]
  readonly #control: SharedArrayBuffer
  readonly #c: Int32Array
  readonly #places: ReturnType<typeof places>

  /** Loads the scenario's module here and on one thread for each of its bodies. */
  static async start(scenario: Scenario, reduce: boolean): Promise<Controller> {
    const nrThreads = scenario.threads.length
    if (nrThreads > MAX_THREADS) throw new RangeError(`${nrThreads} threads, at most ${MAX_THREADS}`)
    const control = new SharedArrayBuffer(places(nrThreads).sizeBytes)
    const memory = new SharedArrayBuffer(Math.ceil(scenario.memoryBytes / 8) * 8)
    const head = new Int32Array(control)
    head[H.nr_threads] = nrThreads
    head[H.max_steps] = scenario.maxSteps ?? 400
    head[H.max_timeouts] = scenario.maxTimeouts ?? 0
    head[H.reduce] = reduce ? 1 : 0
    head[H.late] = scenario.lateTimeouts === true ? 1 : 0
    head[H.max_deaths] = scenario.maxDeaths ?? 1
    head[H.victims] = (scenario.victims ?? []).reduce((set, thread) => set | (1 << thread), 0)
    const workers = scenario.threads.map((body, me) => {
      const { arg, spinLoads = 0, clockStepMs = 0 } = scenario
      const module = scenario.module.href
      const workerData: ThreadData = { control, memory, nrThreads, me, module, body, arg, spinLoads, clockStepMs }
      return new Worker(new URL('./thread.js', import.meta.url), { workerData })
    })
    await Promise.all(workers.map(isReady))
    const module = (await import(scenario.module.href)) as ScenarioModule
    return new Controller(module, memory, scenario.arg, workers, control)
  }

  private constructor(
    module: ScenarioModule,
    memory: SharedArrayBuffer,
    arg: unknown,
    workers: Worker[],
    control: SharedArrayBuffer,
  ) {
    this.module = module
    this.memory = memory
    this.#arg = arg
    this.#workers = workers
    this.#control = control
    this.#c = new Int32Array(control)
    this.#places = places(workers.length)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  /** Runs one schedule on fresh memory: the plan, then by the scheduler's rule. `random` is 0, or seeds that rule. */
  run(plan: readonly PlanRow[], random: number): Outcome {
    const c = this.#c
    new Int32Array(this.memory).fill(0)
    this.module.setup?.(this.memory, this.#arg)
    c.fill(0, H.nr_planned, this.#places.plan)
    c[H.current] = -1
    c[H.nr_planned] = plan.length
    c[H.random] = random
    plan.forEach(({ thread, tried }, row) => {
      const at = this.#places.plan + row * PLAN_WORDS
      c[at + P.thread] = thread
      c[at + P.tried] = tried
    })
    this.#workers.forEach((_, t) => {
      c[threadAt(t) + T.nr_bytes] = -1
    })
    Atomics.add(c, H.round, 1)
    Atomics.notify(c, H.round)
    this.#awaitEnd()
    return OUTCOMES[c[H.outcome]!]!
  }

  get nrLogged(): number {
    return this.#c[H.nr_logged]!
  }

  log(row: number, field: keyof typeof L): number {
    return this.#c[this.#places.log + row * LOG_WORDS + L[field]]!
  }

  trace(): Step[] {
    return Array.from({ length: this.nrLogged }, (_, row) => ({
      thread: this.log(row, 'thread'),
      kind: KINDS[this.log(row, 'kind')]!,
      word: this.log(row, 'word'),
      before: this.log(row, 'before'),
      value: this.log(row, 'value'),
      extra: this.log(row, 'extra'),
    }))
  }

  /** What each body returned or threw; undefined for those that did neither. */
  results(): unknown[] {
    return this.#workers.map((_, t) => {
      const bytes = this.#c[threadAt(t) + T.nr_bytes]!
      if (bytes < 0) return undefined
      return JSON.parse(Buffer.from(this.#control, this.#places.resultsOff + t * RESULT_BYTES, bytes).toString())
    })
  }

  state(thread: number): (typeof STATES)[number] {
    return STATES[this.#c[threadAt(thread) + T.state]!]!
  }

  /** The step that a thread stands before, or sleeps in. */
  pending(thread: number): { kind: Kind; word: number } {
    const at = threadAt(thread)
    return { kind: KINDS[this.#c[at + T.kind]!]!, word: this.#c[at + T.word]! }
  }

  #awaitEnd(): void {
    const ended = H.nr_ended
    for (;;) {
      const nr = Atomics.load(this.#c, ended)
      if (nr === this.#workers.length) return
      if (Atomics.wait(this.#c, ended, nr, STUCK_MS) !== 'timed-out') continue
      const running = this.#workers.map((_, t) => t).filter((t) => this.state(t) === 'running')
      throw new Error(`thread ${running.join(', ')} made no step for ${STUCK_MS} ms, after ${this.nrLogged} steps`)
    }
  }
}

function isReady(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve())
    worker.once('error', reject)
  })
}
