/**
 * The interleaving explorer: runs code on real threads, one atomic step at a time, in every order.
 *
 * A step is one call of barrier.ts, with the plain code after it; nothing else is ordered. Every schedule runs on fresh
 * memory, so that it can be replayed. Depth first, after Patrice Godefroid's VeriSoft and Microsoft's CHESS.
 *
 * To write a scenario, make a module (`x.scenario.ts`) that exports
 *   setup(memory, arg)                  fills the zeroed memory, before each schedule, on the main thread; may be absent
 *   one function for each thread        (memory, arg, thread) => result, a JSON value
 *   check(memory, results, trace, arg)  after each schedule, on the main thread; throws on a broken invariant
 * and a test that calls `explore({ module, threads, memoryBytes })` and then `assertHolds(…)` or `assertFails(…)`.
 *   - Bodies are synchronous and do the same each time: no state outside `memory`, no real time (`nowMs()` is modelled),
 *     no randomness. All shared memory lies in `memory`. What stands before a body's first step touches nothing shared.
 *   - futexWait and futexWake are modelled. If all threads left are asleep, that is a deadlock, and a failure. A finite
 *     timeout runs out only if `maxTimeouts` allows, so that timeouts cannot hide a lost wake-up.
 *   - A loop that polls calls `yieldStep()` in each turn: it is held until another thread has changed memory. For code
 *     that spins on one word by itself, `spinLoads: 2` lets all but the first loads of a run pass without a choice.
 *   - `stepNumber()` in a body tells where in the trace it is, to date what it returns.
 *   - One of the `victims` dies, after any of its steps or not at all: it never steps again. `isKilled()` tells.
 * Trees grow fast. Two threads of n steps have C(2n, n) orders. `reduce` leaves out orders that differ only in steps that
 * commute (sleep sets), and misses nothing; `maxPreemptions` bounds switches away from threads that could have gone on;
 * `random` samples.
 */
import assert from 'node:assert/strict'
import type { Kind } from './control.js'
import { Controller, type PlanRow } from './controller.js'

export { calm, isKilled, stepNumber, unheld, yieldStep } from './hold.js'

export type Body = (memory: SharedArrayBuffer, arg: unknown, thread: number) => unknown

export interface ScenarioModule {
  setup?(memory: SharedArrayBuffer, arg: unknown): void
  check?(memory: SharedArrayBuffer, results: unknown[], trace: Step[], arg: unknown): void
}

export interface Scenario {
  module: URL
  /** The export that each thread runs; one export may serve several threads. */
  threads: readonly string[]
  memoryBytes: number
  /** Handed to all functions of the module; has to survive structured cloning. */
  arg?: unknown
  /** Steps that one thread may take in a schedule before it counts as endless, a failure. 400 unless given. */
  maxSteps?: number
  /** How often each thread's finite timeouts run out in a schedule: both orders are tried. 0 unless given. */
  maxTimeouts?: number
  /** Loads of one unchanged word in a row that are steps; more are let through. 0 unless given: all are steps. */
  spinLoads?: number
  /** How far each look at the clock moves it: for loops that spin until a time has come. 0 unless given. */
  clockStepMs?: number
  /** Finite timeouts run out only when no thread can step, in the order of their deadlines: time is no choice then. */
  lateTimeouts?: boolean
  /** Indexes of threads that may die, and how many of them in one schedule: one unless given. */
  victims?: readonly number[]
  maxDeaths?: number
}

export interface Bounds {
  maxPreemptions?: number
  maxSchedules?: number
  reduce?: boolean
  /** Runs `maxSchedules` schedules chosen by chance from this seed, rather than all in order. */
  random?: number
}

export interface Step {
  readonly thread: number
  readonly kind: Kind
  readonly word: number
  readonly before: number
  readonly value: number
  /** What a cmpxchg expected. */
  readonly extra: number
}

export interface Failure {
  readonly kind: 'check' | 'deadlock' | 'threw' | 'endless' | 'diverged'
  readonly message: string
  /** Who stepped, in order: `replay` takes it. */
  readonly schedule: string
  readonly trace: readonly Step[]
}

export interface Exploration {
  readonly schedules: number
  /** Schedules given up midway, for `reduce` knew them. */
  readonly redundant: number
  readonly steps: number
  /** True if every schedule within the bounds was run. */
  readonly complete: boolean
  readonly ms: number
  readonly failure: Failure | undefined
  /** The above in one line. */
  readonly summary: string
}

interface Node {
  thread: number
  tried: number
  readonly enabled: number
  readonly sleepSet: number
  readonly staying: number
  readonly nrPreempted: number
}

/** Runs the scenario in every order within the bounds, or until one fails. */
export async function explore(options: Scenario & Bounds): Promise<Exploration> {
  const { maxPreemptions = Number.POSITIVE_INFINITY, maxSchedules = Number.POSITIVE_INFINITY, random } = options
  assert(!options.reduce || maxPreemptions === Number.POSITIVE_INFINITY, 'reduce needs all preemptions')
  assert(!options.reduce || options.victims === undefined, 'reduce knows nothing of death')
  assert(random === undefined || maxSchedules < Number.POSITIVE_INFINITY, 'random needs maxSchedules')
  const controller = await Controller.start(options, options.reduce === true)
  const start = performance.now()
  let [schedules, redundant, steps] = [0, 0, 0]
  let failure: Failure | undefined
  let path: Node[] = []
  let more = true
  try {
    while (more && failure === undefined && schedules < maxSchedules) {
      const plan = path.map(({ thread, tried }) => ({ thread, tried: tried & ~(1 << thread) }))
      const seed = random === undefined ? 0 : Math.imul(random + schedules + 1, 0x9e3779b1) | 1
      const outcome = controller.run(plan, seed)
      if (outcome === 'redundant') redundant++
      else schedules++
      steps += controller.nrLogged
      const same = path.every(
        ({ enabled }, row) => row < controller.nrLogged && controller.log(row, 'enabled') === enabled,
      )
      failure = judge(controller, options, same ? outcome : 'diverged')
      if (random !== undefined) continue
      for (let row = path.length; row < controller.nrLogged; row++) path.push(nodeAt(controller, row))
      path = nextPath(path, maxPreemptions, 1 << options.threads.length)
      more = path.length > 0
    }
  } finally {
    await controller.stop()
  }
  const complete = !more && failure === undefined
  const ms = Math.round(performance.now() - start)
  const end = failure !== undefined ? `failed: ${failure.kind}` : complete ? 'all' : 'stopped there'
  const summary = `${schedules} schedules (${end}), ${redundant} given up as redundant, ${steps} steps, ${ms} ms`
  return { schedules, redundant, steps, complete, ms, failure, summary }
}

/** Runs one schedule, as a failure printed it, and by rule after its end. Returns how it fails, if it does. */
export async function replay(scenario: Scenario, schedule: string): Promise<Failure | undefined> {
  const names = [...labels(scenario), 'kill']
  const plan: PlanRow[] = schedule.split(' ').flatMap((part) => {
    const [name = '', times = '1'] = part.split('*')
    assert(names.includes(name), `no thread ${name}`)
    return Array.from({ length: Number(times) }, () => ({ thread: names.indexOf(name), tried: 0 }))
  })
  const controller = await Controller.start(scenario, false)
  try {
    return judge(controller, scenario, controller.run(plan, 0))
  } finally {
    await controller.stop()
  }
}

/** Throws, with the schedule to replay, if one failed. */
export function assertHolds({ failure, summary }: Exploration): void {
  if (failure !== undefined) assert.fail(`${failure.message}\nschedule: ${failure.schedule}\n${summary}`)
}

/** Throws unless a schedule fails, and fails the same way when it is replayed. For planted bugs. */
export async function assertFails(scenario: Scenario & Bounds, kind: Failure['kind']): Promise<Exploration> {
  const exploration = await explore(scenario)
  const { failure, summary } = exploration
  assert(failure !== undefined, `no schedule failed: ${summary}`)
  assert.equal(failure.kind, kind, failure.message)
  assert.deepEqual(await replay(scenario, failure.schedule), failure)
  return exploration
}

function judge(controller: Controller, scenario: Scenario, outcome: string): Failure | undefined {
  if (outcome === 'redundant') return undefined
  const names = labels(scenario)
  const trace = controller.trace()
  const schedule = write(trace.map(({ thread }) => names[thread] ?? 'kill'))
  const results = controller.results()
  const fail = (kind: Failure['kind'], message: string): Failure => ({ kind, message, schedule, trace })
  const where = names.map((name, t) => `${name} ${describe(controller, t)}`).join(', ')
  switch (outcome) {
    case 'threw':
      return fail(
        'threw',
        names.flatMap((name, t) => (controller.state(t) === 'threw' ? `${name}: ${results[t]}` : [])).join('\n'),
      )
    case 'deadlock':
      return fail('deadlock', `no thread can go on: ${where}`)
    case 'endless':
      return fail('endless', `too many steps: ${where}. Does a loop wait without yieldStep()?`)
    case 'diverged':
      return fail('diverged', `not the same steps as before: ${where}. Is there state outside of the memory?`)
  }
  try {
    controller.module.check?.(controller.memory, results, trace, scenario.arg)
    return undefined
  } catch (error) {
    return fail('check', error instanceof Error ? error.message : String(error))
  }
}

function describe(controller: Controller, thread: number): string {
  const { kind, word } = controller.pending(thread)
  const state = controller.state(thread)
  return state === 'parked' || state === 'asleep' ? `is ${state} at ${kind} of word ${word}` : `has ${state}`
}

function nodeAt(controller: Controller, row: number): Node {
  const thread = controller.log(row, 'thread')
  return {
    thread,
    tried: 1 << thread,
    enabled: controller.log(row, 'enabled'),
    sleepSet: controller.log(row, 'sleep_set'),
    staying: controller.log(row, 'staying'),
    nrPreempted: controller.log(row, 'nr_preempted'),
  }
}

/** The deepest row at which another thread is to be tried, with that thread chosen; empty when none is left. */
function nextPath(path: Node[], maxPreemptions: number, killer: number): Node[] {
  for (;;) {
    const node = path.at(-1)
    if (node === undefined) return path
    let left = node.enabled & ~node.tried & ~node.sleepSet
    if (node.staying >= 0 && node.nrPreempted >= maxPreemptions) left &= (1 << node.staying) | killer
    if (left !== 0) {
      node.thread = 31 - Math.clz32(left & -left)
      node.tried |= 1 << node.thread
      return path
    }
    path.pop()
  }
}

/** The threads' names, numbered where one body serves several. */
function labels({ threads }: Scenario): string[] {
  return threads.map((name, t) => (threads.indexOf(name) === threads.lastIndexOf(name) ? name : `${name}.${t}`))
}

/** `a a b` as `a*2 b`. */
function write(names: string[]): string {
  const runs: [name: string, times: number][] = []
  for (const name of names) {
    const last = runs.at(-1)
    if (last?.[0] === name) last[1]++
    else runs.push([name, 1])
  }
  return runs.map(([name, times]) => (times === 1 ? name : `${name}*${times}`)).join(' ')
}
