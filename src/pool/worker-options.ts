/**
 * What a pool's options say about each worker: checked here, handed over in the worker's seat. Owner thread only.
 */
import { availableParallelism } from 'node:os'
import { type ResourceLimits, SHARE_ENV, type WorkerOptions } from 'node:worker_threads'
import { process, structuredClone } from '../lib/globals.js'
import { forNode, type Given, OptionTable } from '../lib/options.js'
import type { PoolSeat } from './between/messages.js'
import { MAX_TIMER_MS } from './jobs/deadlines.js'
import { DEFAULT_UNBOUNDED, type PoolOptions } from './options.js'
import { badFlag, badType } from './values/checks.js'
import { poolError } from './values/failure.js'

export const DEFAULT_CONCURRENT_JOBS = 16
const DEFAULT_START_MS = 60_000

/** Throws ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE. */
export function seatOf(
  space: SharedArrayBuffer,
  stamps: SharedArrayBuffer | undefined,
  jobs: string,
  options: Given<PoolOptions>,
): PoolSeat {
  const { concurrentJobs = DEFAULT_CONCURRENT_JOBS, maxJobsPerWorker, workerData } = options
  const { startTimeoutMs = DEFAULT_START_MS } = options
  assertCount('concurrentJobs', concurrentJobs)
  assertCloneable(workerData)
  if (maxJobsPerWorker !== undefined) assertCount('maxJobsPerWorker', maxJobsPerWorker)
  const hooks = { init: hookName('init', options.init), teardown: hookName('teardown', options.teardown) }
  const maxJobs = maxJobsPerWorker ?? Number.POSITIVE_INFINITY
  const relays = ([1, 2] as const).filter((fd) => options[fd === 1 ? 'stdout' : 'stderr'] !== true)
  return { space, jobs, hooks, startTimeoutMs, concurrentJobs, maxJobs, relays, workerData, stamps }
}

/** Throws what structured cloning says of a value that no worker could get. */
function assertCloneable(workerData: unknown): void {
  if ((typeof workerData === 'object' && workerData !== null) || /^(function|symbol)$/.test(typeof workerData)) {
    structuredClone(workerData)
  }
}

const LIMITS = new OptionTable<ResourceLimits>('Pool', () => ({
  maxYoungGenerationSizeMb: undefined,
  maxOldGenerationSizeMb: undefined,
  codeRangeSizeMb: undefined,
  stackSizeMb: undefined,
}))

/** On one CPU nothing happens while somebody spins. */
const DEFAULT_SPIN_US = availableParallelism() > 1 ? 50 : 0
/** Waking a thread costs about as much, and more where CPUs are scarce. */
const PATIENCE_US = 50
const DEFAULT_IDLE_MS = 5000
const MIN_SLOTS = 64

/** How many threads there are, what makes them come and go, and what each is started with. Throws as workerOptions. */
export function crewOf(options: Given<PoolOptions>) {
  const { maxWorkers = availableParallelism(), maxUnbounded = DEFAULT_UNBOUNDED } = options
  const { minWorkers = 0, idleTimeoutMs = DEFAULT_IDLE_MS, spinUs = DEFAULT_SPIN_US } = options
  return {
    nrSlots: Math.max(MIN_SLOTS, maxWorkers + maxUnbounded),
    maxWorkers: [maxWorkers, maxUnbounded],
    minWorkers: [minWorkers, 0],
    concurrency: availableParallelism(),
    idleTimeoutMs: Math.min(MAX_TIMER_MS, idleTimeoutMs),
    spinUs,
    patienceUs: PATIENCE_US,
    workerOptions: workerOptions(options),
  } as const
}

/**
 * What each Worker gets besides its seat, as it is now. Without a prototype, for Node reads options through it. Throws
 * ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, what an accessor throws.
 */
function workerOptions(options: Given<PoolOptions>): WorkerOptions {
  const { argv, env, execArgv, name, resourceLimits, stderr, stdout } = options
  const given: [string, unknown][] = [
    ['argv', listOf('argv', argv)],
    ['env', envOf(env)],
    ['execArgv', listOf('execArgv', execArgv)],
    ['name', name],
    ['resourceLimits', resourceLimits === undefined ? undefined : limitsOf(resourceLimits)],
    ['stderr', flagOf('stderr', stderr)],
    ['stdout', flagOf('stdout', stdout)],
  ]
  const own: Record<string, unknown> = { __proto__: null }
  for (const [key, value] of given) if (value !== undefined) own[key] = value
  return own
}

function flagOf(name: string, value: unknown): unknown {
  const bad = badFlag(name, value)
  if (bad !== undefined) throw bad
  return value
}

/** Strings, as they are now. Node takes anything that has a text. */
function listOf(name: string, list: unknown): string[] | undefined {
  if (list === undefined) return undefined
  if (!Array.isArray(list)) throw badType(name, 'an array', list)
  return Array.from(list as unknown[], (value, i) => textOf(`${name}[${i}]`, value))
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'symbol') throw badType(name, 'a string', value)
  return `${value}`
}

/** The variables as they are now; those of this process are what a Worker has anyhow. */
function envOf(env: unknown): WorkerOptions['env'] {
  if (env === undefined || env === null || env === process.env) return undefined
  if (env === SHARE_ENV) return SHARE_ENV
  if (typeof env !== 'object' || Array.isArray(env)) throw badType('env', 'an object, or SHARE_ENV', env)
  const own: Record<string, string> = { __proto__: null } as never
  for (const [key, value] of Object.entries(env)) own[key] = textOf(`env.${key}`, value)
  return own
}

/** Numbers of megabytes; none stands for Node's default. */
function limitsOf(limits: ResourceLimits): ResourceLimits {
  const own = LIMITS.read(limits, 'options.resourceLimits')
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined && typeof value !== 'number') throw badType(`resourceLimits.${name}`, 'a number', value)
  }
  return forNode(own) as ResourceLimits
}

/** A whole number from 1. */
export function assertCount(name: string, value: unknown): void {
  if (typeof value !== 'number') throw poolError('ERR_INVALID_ARG_TYPE', `${name} is a number`)
  if (!Number.isInteger(value) || value < 1) {
    throw poolError('ERR_OUT_OF_RANGE', `${name} is a whole number from 1, not ${value}`)
  }
}

function hookName(option: string, name: unknown): string | undefined {
  if (name === undefined || typeof name === 'string') return name
  throw poolError('ERR_INVALID_ARG_TYPE', `${option} is the name of a function that the module of jobs exports`)
}
