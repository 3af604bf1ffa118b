/**
 * The memory through which the explorer's controller and the threads under test hand each other the turn. Both load it.
 *
 * One thread at a time holds the baton and so may write here with plain stores; the baton words (atomic, slept on)
 * publish them. The memory under test is another buffer, and nothing here touches it.
 *
 *        | head | thread 0 | thread 1 | .. | plan, one row a step | log, one row a step | results, as JSON |
 */
import type { WaitResult } from '../../src/lib/barrier.js'
import { type Layout, struct } from '../../src/lib/layout.js'

/**
 * Kinds of steps: barrier.ts's own, then a loop that gives way, a turn of a thread's event loop, a modelled wait that runs
 * out of time, and a thread's death.
 */
// biome-ignore format: table
export const KINDS = [
  'load', 'store', 'xchg', 'cmpxchg', 'add', 'and', 'or', 'wait', 'waitAsync', 'wake', 'yield', 'turn', 'timeout', 'kill',
] as const
export type Kind = (typeof KINDS)[number]

/** How a schedule ended. Those from `deadlock` on are failures. */
export const OUTCOMES = ['running', 'done', 'redundant', 'deadlock', 'threw', 'endless', 'diverged'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** What a wait answers. */
export const ANSWERS: readonly WaitResult[] = ['ok', 'not-equal', 'timed-out']

export const STATES = ['unstarted', 'parked', 'asleep', 'woken', 'running', 'finished', 'threw', 'killed'] as const

/** A wait of futexWaitAsync, of which a thread has one at a time. */
export const ASYNC_STATES = ['none', 'waits', 'woken'] as const

// Below, 'owner' is the controller, 'worker' the thread that holds the baton.
// biome-ignore format: table
export const HEAD = struct('explore_head', [
  //field          type   written by  meaning
  'the exploration',
  ['nr_threads',   'u32', 'once',     'threads under test'],
  ['max_steps',    'u32', 'once',     'steps that one thread may take in a schedule'],
  ['max_timeouts', 'u32', 'once',     'how often a thread with a finite timeout may run into it'],
  ['reduce',       'u32', 'once',     '1: leave out orders that differ only in steps that commute'],
  ['late',         'u32', 'once',     '1: a wait runs out of time only when nothing else can happen'],
  ['victims',      'u32', 'once',     'set of threads that may die'],
  ['max_deaths',   'u32', 'once',     'how many of them in one schedule'],
  'the schedule',
  ['round',        'u32', 'owner',    'counts schedules; a thread starts when it changes'],
  ['nr_planned',   'u32', 'owner',    'rows of the plan'],
  ['random',       'u32', 'worker',   'state of the generator that chooses after the plan; 0: choose in order'],
  'the baton',
  ['outcome',      'u32', 'worker',   'index into OUTCOMES'],
  ['nr_logged',    'u32', 'worker',   'rows of the log'],
  ['current',      'u32', 'worker',   'the thread that stepped last'],
  ['nr_preempted', 'u32', 'worker',   'switches away from a thread that could have gone on'],
  ['sleep_set',    'u32', 'worker',   'threads whose next step was tried before, and commutes with all since'],
  ['nr_changes',   'u32', 'worker',   'steps that changed the memory under test'],
  ['nr_killed',    'u32', 'worker',   'threads that died'],
  ['calm',         'u32', 'worker',   '1: no choices, and nobody dies'],
  ['clock_ms',     's32', 'worker',   'with `late`: when the last wait ran out of time'],
  'all threads',
  ['nr_arrived',   'u32', 'any',      'threads that stand before their first step, or ended without one'],
  ['nr_ended',     'u32', 'any',      'threads that left their body'],
])

// biome-ignore format: table
export const THREAD = struct('explore_thread', [
  'one thread',
  ['baton',        'u32', 'any',      '1: the thread may go on'],
  ['state',        'u32', 'worker',   'index into STATES'],
  ['kind',         'u32', 'worker',   'its next step: index into KINDS'],
  ['word',         'u32', 'worker',   'the word of the memory under test'],
  ['value',        's32', 'worker',   'what barrier.ts gave the hook'],
  ['extra',        's32', 'worker',   'what a cmpxchg expects; of a wait 0: no timeout, 1: finite, 2: none left'],
  ['answer',       's32', 'worker',   'what a wait or wake returns'],
  ['nr_steps',     'u32', 'worker',   'steps taken'],
  ['nr_timeouts',  'u32', 'worker',   'waits that ran out of time'],
  ['nr_changes',   'u32', 'worker',   'steps of its own that changed memory'],
  ['seen_changes', 'u32', 'worker',   'changes by others when it last gave way'],
  ['wait_order',   'u32', 'worker',   'the row of its wait in the log: sleepers are woken in this order'],
  ['deadline_ms',  's32', 'worker',   'with `late`: when its wait runs out of time'],
  ['nr_bytes',     's32', 'worker',   'length of its result; -1: none'],
  ['async_word',   'u32', 'worker',   'the word that it waits for in its event loop'],
  ['async_state',  'u32', 'worker',   'index into ASYNC_STATES'],
  ['async_order',  'u32', 'worker',   'as wait_order'],
])

// biome-ignore format: table
export const PLAN = struct('explore_plan', [
  ['thread',       'u32', 'owner',    'who takes this step'],
  ['tried',        'u32', 'owner',    'set of threads that took it in earlier schedules'],
])

// biome-ignore format: table
export const LOG = struct('explore_log', [
  ['thread',       'u32', 'worker',   'who took the step'],
  ['enabled',      'u32', 'worker',   'set of threads that could have'],
  ['sleep_set',    'u32', 'worker',   'of these, the ones that need not be tried'],
  ['staying',      's32', 'worker',   'the thread that it costs a preemption to leave here, or -1'],
  ['nr_preempted', 'u32', 'worker',   'preemptions before this step'],
  ['kind',         'u32', 'worker',   'index into KINDS'],
  ['word',         'u32', 'worker',   'the word of the memory under test'],
  ['before',       's32', 'worker',   'what the word held'],
  ['value',        's32', 'worker',   'as in explore_thread'],
  ['extra',        's32', 'worker',   'as in explore_thread'],
])

export const KIND = indexes(KINDS)
export const OUTCOME = indexes(OUTCOMES)
export const ANSWER = indexes(ANSWERS)
export const STATE = indexes(STATES)
export const ASYNC_STATE = indexes(ASYNC_STATES)
export const H = words(HEAD)
export const T = words(THREAD)
export const P = words(PLAN)
export const L = words(LOG)

/** Rows of plan and log. */
export const MAX_LOGGED = 4000
export const RESULT_BYTES = 32 * 1024

export const PLAN_WORDS = PLAN.size >> 2
export const LOG_WORDS = LOG.size >> 2
const THREAD_WORDS = THREAD.size >> 2
const HEAD_WORDS = HEAD.size >> 2

/** Word index of a thread's row. */
export function threadAt(thread: number): number {
  return HEAD_WORDS + thread * THREAD_WORDS
}

/** Word indexes of the plan and the log, byte offset of the results, and the size of all. */
export function places(nrThreads: number): { plan: number; log: number; resultsOff: number; sizeBytes: number } {
  const plan = threadAt(nrThreads)
  const log = plan + MAX_LOGGED * PLAN_WORDS
  const resultsOff = (log + MAX_LOGGED * LOG_WORDS) * 4
  return { plan, log, resultsOff, sizeBytes: resultsOff + nrThreads * RESULT_BYTES }
}

/** Word index of each field. */
function words<N extends string>({ at }: Layout<N>): { readonly [K in N]: number } {
  return Object.fromEntries(Object.entries<number>(at).map(([name, offset]) => [name, offset >> 2])) as {
    [K in N]: number
  }
}

function indexes<N extends string>(names: readonly N[]): { readonly [K in N]: number } {
  return Object.fromEntries(names.map((name, index) => [name, index])) as { [K in N]: number }
}
