/**
 * Who takes the next step. Runs on each thread under test, whenever it comes before an atomic step; one at a time.
 *
 * The thread that arrives before its next step chooses, from the plan and then by rule, who goes on, and hands that one
 * the baton: no controller in between, and no switch at all where a thread follows itself. Futexes are modelled here:
 * no thread under test ever sleeps in the system, so a schedule is the same each time.
 */
import {
  ANSWER,
  ASYNC_STATE,
  H,
  KIND,
  L,
  LOG_WORDS,
  MAX_LOGGED,
  OUTCOME,
  type Outcome,
  P,
  PLAN_WORDS,
  places,
  STATE,
  T,
  threadAt,
} from './control.js'
import { commute, valueAfter } from './effects.js'

const NOBODY = -1
const NEVER_MS = 2 ** 31 - 1
/** By chance, a thread dies at one step in this many. */
const KILL_ODDS = 64
/** Looks at the baton this often before sleeping on it: a thread handed the turn at once saves a system call. */
const SPINS = 100

/** Thrown at a thread's step when the schedule is over: unwinds its body. */
export class ScheduleOver extends Error {
  override name = 'ScheduleOver'
}

export class Scheduler {
  readonly #c: Int32Array
  readonly #memory: Int32Array
  readonly #nr: number
  readonly #plan: number
  readonly #log: number
  readonly #me: number
  readonly #at: number

  constructor(control: SharedArrayBuffer, memory: SharedArrayBuffer, me: number) {
    this.#c = new Int32Array(control)
    this.#memory = new Int32Array(memory)
    this.#nr = this.#c[H.nr_threads]!
    const { plan, log } = places(this.#nr)
    this.#plan = plan
    this.#log = log
    this.#me = me
    this.#at = threadAt(me)
  }

  get nrLogged(): number {
    return this.#c[H.nr_logged]!
  }

  get nrChanges(): number {
    return this.#c[H.nr_changes]!
  }

  isKilled(thread: number): boolean {
    return this.#c[threadAt(thread) + T.state] === STATE.killed
  }

  /** Whether this thread waits for a word in its event loop, or was woken and has not seen to it. */
  get listens(): boolean {
    return this.#c[this.#at + T.async_state] !== ASYNC_STATE.none
  }

  /** True if its wait in the event loop has been woken, which then is over. */
  takeWoken(): boolean {
    const isWoken = this.#c[this.#at + T.async_state] === ASYNC_STATE.woken
    if (isWoken) this.#c[this.#at + T.async_state] = ASYNC_STATE.none
    return isWoken
  }

  /** Its event loop is gone, and the wait with it. */
  dropWait(): void {
    this.#c[this.#at + T.async_state] = ASYNC_STATE.none
  }

  setCalm(on: boolean): void {
    this.#c[H.calm] = on ? 1 : 0
  }

  /** Stands before a step until it is this thread's turn. Returns the answer of a wait or a wake. */
  park(kind: number, word: number, value: number, extra: number, timeoutMs = 0): number {
    const c = this.#c
    const at = this.#at
    if (c[H.outcome] !== OUTCOME.running) throw new ScheduleOver()
    const first = c[at + T.state] === STATE.unstarted
    c[at + T.state] = STATE.parked
    c[at + T.kind] = kind
    c[at + T.word] = word
    c[at + T.value] = value
    c[at + T.extra] = extra
    c[at + T.deadline_ms] = Math.min(c[H.clock_ms]! + Math.ceil(Math.max(0, timeoutMs)), NEVER_MS)
    if (first && !this.#arrive()) this.#take()
    else {
      const next = this.#next()
      if (next !== this.#me && next !== NOBODY) {
        this.#give(next)
        this.#take()
      }
    }
    if (c[H.outcome] !== OUTCOME.running) throw new ScheduleOver()
    c[at + T.state] = STATE.running
    return c[at + T.answer]!
  }

  /** This thread's body is over. */
  end(threw: boolean): void {
    const c = this.#c
    if (c[H.outcome] === OUTCOME.running) {
      const first = c[this.#at + T.state] === STATE.unstarted
      c[this.#at + T.state] = threw ? STATE.threw : STATE.finished
      const next = !first || this.#arrive() ? this.#next() : NOBODY
      if (next !== NOBODY) this.#give(next)
    }
    if (Atomics.add(c, H.nr_ended, 1) + 1 === this.#nr) Atomics.notify(c, H.nr_ended)
  }

  /** True for the last thread to come before its first step: it makes the first choice. */
  #arrive(): boolean {
    return Atomics.add(this.#c, H.nr_arrived, 1) + 1 === this.#nr
  }

  #give(thread: number): void {
    const baton = threadAt(thread) + T.baton
    Atomics.store(this.#c, baton, 1)
    Atomics.notify(this.#c, baton, 1)
  }

  #take(): void {
    const baton = this.#at + T.baton
    for (let i = 0; i < SPINS && Atomics.load(this.#c, baton) === 0; i++);
    while (Atomics.load(this.#c, baton) === 0) Atomics.wait(this.#c, baton, 0)
    Atomics.store(this.#c, baton, 0)
  }

  /** The thread that goes on, its step logged and accounted for; or nobody, when the schedule is over. */
  #next(): number {
    const c = this.#c
    // A woken thread only runs on to its next step, which concerns nobody: no choice, no row in the log.
    const woken = this.#find(STATE.woken)
    if (woken !== NOBODY) return woken
    if (this.#find(STATE.threw) !== NOBODY) return this.#conclude('threw')
    for (;;) {
      const threads = this.#enabled()
      if (threads === 0) {
        const unfinished = this.#find(STATE.parked) !== NOBODY || this.#find(STATE.asleep) !== NOBODY
        return this.#conclude(unfinished ? 'deadlock' : 'done')
      }
      const calm = c[H.calm] === 1
      const row = c[H.nr_logged]!
      const planned = row < c[H.nr_planned]!
      const choices = calm || this.#mayDie() === NOBODY ? threads : threads | (1 << this.#nr)
      const thread = planned
        ? c[this.#plan + row * PLAN_WORDS + P.thread]!
        : this.#choose(choices, calm ? 0 : this.#random())
      const enabled = calm && thread !== NOBODY ? choices & (1 << thread) : choices
      if (thread === NOBODY) return this.#conclude('redundant')
      if ((enabled & (1 << thread)) === 0) return this.#conclude('diverged')
      if (thread === this.#nr) {
        this.#kill(enabled)
        continue
      }
      if (c[threadAt(thread) + T.nr_steps]! >= c[H.max_steps]! || row === MAX_LOGGED) return this.#conclude('endless')
      const tried = planned ? c[this.#plan + row * PLAN_WORDS + P.tried]! : 0
      if (this.#step(thread, enabled, tried)) return thread
    }
  }

  #conclude(outcome: Outcome): typeof NOBODY {
    const c = this.#c
    c[H.outcome] = OUTCOME[outcome]
    for (let t = 0; t < this.#nr; t++) {
      const state = c[threadAt(t) + T.state]
      const waits = state === STATE.parked || state === STATE.asleep || state === STATE.killed
      if (t !== this.#me && waits) this.#give(t)
    }
    return NOBODY
  }

  #find(state: number): number {
    for (let t = 0; t < this.#nr; t++) if (this.#c[threadAt(t) + T.state] === state) return t
    return NOBODY
  }

  /** The set of threads that can step now. */
  #enabled(): number {
    const c = this.#c
    let set = 0
    let late = NOBODY
    for (let t = 0; t < this.#nr; t++) {
      const at = threadAt(t)
      if (c[at + T.state] === STATE.parked) {
        if (c[at + T.kind] !== KIND.yield || this.#othersChanges(at) !== c[at + T.seen_changes]) set |= 1 << t
      } else if (c[at + T.state] === STATE.asleep && this.#mayTimeOut(at)) {
        if (c[H.late] === 0) set |= 1 << t
        else if (late === NOBODY || c[at + T.deadline_ms]! < c[threadAt(late) + T.deadline_ms]!) late = t
      }
    }
    return set === 0 && late !== NOBODY ? 1 << late : set
  }

  #mayTimeOut(at: number): boolean {
    return this.#c[at + T.extra] === 1 && this.#c[at + T.nr_timeouts]! < this.#c[H.max_timeouts]!
  }

  /** The thread that stepped last, if it may die there. Later is no different: nobody sees it but through its steps. */
  #mayDie(): number {
    const c = this.#c
    const current = c[H.current]!
    if (current < 0 || c[H.nr_killed] === c[H.max_deaths] || (c[H.victims]! & (1 << current)) === 0) return NOBODY
    const state = c[threadAt(current) + T.state]
    return state === STATE.parked || state === STATE.asleep ? current : NOBODY
  }

  #kill(enabled: number): void {
    const c = this.#c
    const victim = c[H.current]!
    this.#write(this.#nr, enabled, KIND.kill, 0, 0, victim, 0)
    c[threadAt(victim) + T.state] = STATE.killed
    c[H.nr_killed] = c[H.nr_killed]! + 1
  }

  #othersChanges(at: number): number {
    return this.#c[H.nr_changes]! - this.#c[at + T.nr_changes]!
  }

  /** The thread that stepped last, if leaving it is a preemption: it can go on, and has not said that it gives way. */
  #staying(enabled: number): number {
    const current = this.#c[H.current]!
    if (current < 0 || (enabled & (1 << current)) === 0) return NOBODY
    const kind = this.#kindOf(threadAt(current))
    return kind === KIND.yield || kind === KIND.timeout ? NOBODY : current
  }

  /** The rule after the plan: the same thread again, else the first awake, else the first; or, by chance, any. */
  #choose(enabled: number, random: number): number {
    const can = [...Array(this.#nr).keys()].filter((t) => (enabled & ~this.#c[H.sleep_set]! & (1 << t)) !== 0)
    const stays = can.find((t) => t === this.#staying(enabled))
    if (random !== 0 && (enabled & (1 << this.#nr)) !== 0 && (random >>> 8) % KILL_ODDS === 0) return this.#nr
    // Half the time the same thread again: bugs need few switches, but runs in between.
    if (random !== 0 && (stays === undefined || (random & 1) === 0)) return can[(random >>> 1) % can.length] ?? NOBODY
    return stays ?? can.find((t) => this.#kindOf(threadAt(t)) !== KIND.timeout) ?? can[0] ?? NOBODY
  }

  /** The next number of a xorshift generator; 0 if nothing is left to chance. */
  #random(): number {
    let x = this.#c[H.random]!
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#c[H.random] = x
    return x
  }

  /** Logs a thread's step and does what the model must know of it. False if the thread went to sleep by it. */
  #step(thread: number, enabled: number, tried: number): boolean {
    const c = this.#c
    const at = threadAt(thread)
    const kind = this.#kindOf(at)
    const word = c[at + T.word]!
    const value = c[at + T.value]!
    const extra = c[at + T.extra]!
    const before = kind === KIND.yield ? 0 : Atomics.load(this.#memory, word)
    const row = c[H.nr_logged]!
    const staying = this.#write(thread, enabled, kind, word, before, value, extra)
    if (staying !== NOBODY && staying !== thread) c[H.nr_preempted] = c[H.nr_preempted]! + 1
    if (c[H.reduce] === 1) c[H.sleep_set] = this.#commuting((c[H.sleep_set]! | tried) & ~(1 << thread), kind, word)
    c[H.current] = thread
    c[at + T.nr_steps] = c[at + T.nr_steps]! + 1
    if (valueAfter(kind, before, value, extra) !== before) {
      c[H.nr_changes] = c[H.nr_changes]! + 1
      c[at + T.nr_changes] = c[at + T.nr_changes]! + 1
    }
    if (kind === KIND.yield) c[at + T.seen_changes] = this.#othersChanges(at)
    if (kind === KIND.wake) c[at + T.answer] = this.#wake(word, value)
    if (kind === KIND.timeout) {
      c[at + T.nr_timeouts] = c[at + T.nr_timeouts]! + 1
      c[H.clock_ms] = Math.max(c[H.clock_ms]!, c[at + T.deadline_ms]!)
      c[at + T.answer] = ANSWER['timed-out']
    }
    if (kind === KIND.waitAsync && before === value) {
      c[at + T.async_word] = word
      c[at + T.async_state] = ASYNC_STATE.waits
      c[at + T.async_order] = row
    }
    if (kind === KIND.waitAsync) c[at + T.answer] = before === value ? ANSWER.ok : ANSWER['not-equal']
    if (kind !== KIND.wait && kind !== KIND.turn) return true
    c[at + T.answer] = before === value ? ANSWER['timed-out'] : ANSWER['not-equal']
    if (before !== value || extra === 2) return true
    if (kind === KIND.turn && c[at + T.async_state] === ASYNC_STATE.woken) return true
    c[at + T.state] = STATE.asleep
    c[at + T.wait_order] = row
    return false
  }

  /** A row of the log. Returns the thread that it may cost a preemption to leave. */
  #write(
    thread: number,
    enabled: number,
    kind: number,
    word: number,
    before: number,
    value: number,
    extra: number,
  ): number {
    const c = this.#c
    const log = this.#log + c[H.nr_logged]! * LOG_WORDS
    const staying = this.#staying(enabled)
    c[log + L.thread] = thread
    c[log + L.enabled] = enabled
    c[log + L.sleep_set] = c[H.sleep_set]!
    c[log + L.staying] = staying
    c[log + L.nr_preempted] = c[H.nr_preempted]!
    c[log + L.kind] = kind
    c[log + L.word] = word
    c[log + L.before] = before
    c[log + L.value] = value
    c[log + L.extra] = extra
    c[H.nr_logged] = c[H.nr_logged]! + 1
    return staying
  }

  #kindOf(at: number): number {
    return this.#c[at + T.state] === STATE.asleep ? KIND.timeout : this.#c[at + T.kind]!
  }

  /** Wakes up to `count` waits for a word, those first that began first; returns how many. */
  #wake(word: number, count: number): number {
    const c = this.#c
    const waits = [...Array(this.#nr).keys()].map(threadAt).flatMap((at) => {
      const sleeps = c[at + T.state] === STATE.asleep && c[at + T.word] === word
      const listens = c[at + T.async_state] === ASYNC_STATE.waits && c[at + T.async_word] === word
      return [
        ...(sleeps ? [{ at, order: c[at + T.wait_order]!, isAsync: false }] : []),
        ...(listens ? [{ at, order: c[at + T.async_order]!, isAsync: true }] : []),
      ]
    })
    const woken = waits.sort((a, b) => a.order - b.order).slice(0, count)
    for (const { at, isAsync } of woken) {
      if (isAsync) c[at + T.async_state] = ASYNC_STATE.woken
      // Its event loop turns, if it sleeps there.
      if (isAsync && (c[at + T.state] !== STATE.asleep || c[at + T.kind] !== KIND.turn)) continue
      c[at + T.state] = STATE.woken
      c[at + T.answer] = ANSWER.ok
    }
    return woken.length
  }

  /** Of a set of threads, those whose next step has the same effect before and after this one. */
  #commuting(set: number, kind: number, word: number): number {
    for (let t = 0; t < this.#nr; t++) {
      const at = threadAt(t)
      if (set & (1 << t) && !commute(this.#kindOf(at), this.#c[at + T.word]!, kind, word)) set &= ~(1 << t)
    }
    return set
  }
}
