/**
 * A pool for each NUMA node, its threads on that node's processors. Runs on the thread that makes it.
 *
 * Jobs of one key stay on one node for as long as one of them is in flight, so that their order holds; others go where
 * least is in flight for each processor. Counterpart: io-wq before Linux 6.3, which had a pool a node.
 */
import { type Given, OptionTable } from '../lib/options.js'
import { type NumaNode, numaNodes } from '../sys/affinity.js'
import type { CancelResult } from '../wq/cancels.js'
import type { PoolEvents, PoolListener } from './home/untold.js'
import { type JobOptions, NO_RUN_OPTIONS, type RunOptions } from './jobs/job-options.js'
import {
  type AnyJobs,
  CLOSE_OPTIONS,
  FLUSH_OPTIONS,
  type JobArgs,
  type JobInfo,
  type JobName,
  type JobResult,
  NO_POOL_OPTIONS,
  type PoolOptions,
  type PoolStats,
  type RunRest,
  type TimeLimit,
} from './options.js'
import { Pool } from './pool.js'
import { badType } from './values/checks.js'
import { poolError } from './values/failure.js'

export interface NodePoolsOptions extends Omit<PoolOptions, 'affinity'> {
  /** Where sysfs describes the nodes. Default /sys/devices/system/node; where there is none, all is one node. */
  readonly sysfs?: string
}

export interface NodeRunOptions extends RunOptions {
  /** The number of the node to run on, as the machine numbers them. */
  readonly node?: number
}

const { affinity: _affinity, ...NO_NODE_POOL_OPTIONS } = NO_POOL_OPTIONS
const NODE_POOLS_OPTIONS = new OptionTable<NodePoolsOptions>('NodePools', () => ({
  ...NO_NODE_POOL_OPTIONS,
  sysfs: undefined,
}))
const NODE_RUN_OPTIONS = new OptionTable<NodeRunOptions>('NodePools.run', () => ({
  ...NO_RUN_OPTIONS,
  node: undefined,
}))

interface Member<M extends object> {
  /** Undefined for the whole machine. */
  readonly numa: NumaNode | undefined
  readonly pool: Pool<M>
  nrInFlight: number
}

interface KeyHome<M extends object> {
  readonly member: Member<M>
  nrJobs: number
}

export class NodePools<M extends object = AnyJobs> implements AsyncDisposable {
  readonly #members: readonly Member<M>[]
  readonly #keys = new Map<unknown, KeyHome<M>>()

  /**
   * Makes one Pool a node, as `new Pool(jobs, options)` does; `maxWorkers` is each one's, and by default the number of
   * its processors. With more than one node this needs FFI: throws ERR_URING_NO_FFI.
   */
  constructor(jobs: URL | string, options: NodePoolsOptions = {}) {
    const { sysfs, ...given } = NODE_POOLS_OPTIONS.read(options)
    if (sysfs !== undefined && typeof sysfs !== 'string') throw badType('sysfs', 'the path of a folder', sysfs)
    // One that is not given stands for its default, as it does for a Pool.
    const rest = given as PoolOptions
    const nodes = numaNodes(sysfs)
    this.#members =
      nodes.length < 2
        ? [{ numa: nodes[0], pool: new Pool<M>(jobs, rest), nrInFlight: 0 }]
        : nodes.map((numa) => {
            const pool = new Pool<M>(jobs, {
              ...rest,
              maxWorkers: rest.maxWorkers ?? numa.cpus.length,
              affinity: numa.cpus,
            })
            return { numa, pool, nrInFlight: 0 }
          })
  }

  /** The nodes, lowest number first; empty where the machine does not tell. */
  get nodes(): readonly NumaNode[] {
    return this.#members.flatMap(({ numa }) => numa ?? [])
  }

  /**
   * As Pool.run, on the node that is asked for, or that the key is on, or that has least to do. Rejects as well with
   * ERR_OUT_OF_RANGE: there is no such node, or jobs of the key are in flight on another.
   */
  run<N extends JobName<M>>(
    name: N,
    ...[args, options = {}]: RunRest<JobArgs<M[N]>, NodeRunOptions>
  ): Promise<JobResult<M[N]>> {
    try {
      return this.#run(name, args, NODE_RUN_OPTIONS.read(options))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #run<N extends JobName<M>>(
    name: N,
    args: Readonly<JobArgs<M[N]>> | undefined,
    options: Given<NodeRunOptions>,
  ): Promise<JobResult<M[N]>> {
    const { node, ...rest } = options
    const home = rest.key === undefined ? undefined : this.#keys.get(rest.key)
    const asked = node === undefined ? undefined : this.#members.find(({ numa }) => numa?.node === node)
    if (node !== undefined && asked === undefined) {
      return Promise.reject(poolError('ERR_OUT_OF_RANGE', `there is no node ${String(node)}`))
    }
    if (asked !== undefined && home !== undefined && home.member !== asked) {
      return Promise.reject(poolError('ERR_OUT_OF_RANGE', `jobs of this key are in flight on another node`))
    }
    const member = home?.member ?? asked ?? this.#leastBusy()
    const settled = this.#begin(member, rest.key)
    // The overloads of Pool.run leave out what may be left out; here both are given.
    const run = member.pool.run as (
      name: N,
      args: Readonly<JobArgs<M[N]>> | undefined,
      options: JobOptions,
    ) => Promise<JobResult<M[N]>>
    const promise = run.call(member.pool, name, args, rest)
    promise.then(settled, settled)
    return promise
  }

  #begin(member: Member<M>, key: unknown): () => void {
    member.nrInFlight++
    const home = key === undefined ? undefined : (this.#keys.get(key) ?? { member, nrJobs: 0 })
    if (home !== undefined) {
      home.nrJobs++
      this.#keys.set(key, home)
    }
    return () => {
      member.nrInFlight--
      if (home !== undefined && --home.nrJobs === 0) this.#keys.delete(key)
    }
  }

  #leastBusy(): Member<M> {
    const load = ({ nrInFlight, numa }: Member<M>) => nrInFlight / (numa?.cpus.length ?? 1)
    return this.#members.reduce((best, member) => (load(member) < load(best) ? member : best))
  }

  /** Each node's counts, in the order of `nodes`. */
  stats(): PoolStats[] {
    return this.#members.map(({ pool }) => pool.stats())
  }

  /** As Pool.on, of all nodes. */
  on<E extends keyof PoolEvents>(event: E, listener: PoolListener<E>): this {
    for (const { pool } of this.#members) pool.on(event, listener)
    return this
  }

  /** As Pool.once, for the next time on any node. */
  once<E extends keyof PoolEvents>(event: E, listener: PoolListener<E>): this {
    const once = (...args: PoolEvents[E]): void => {
      this.off(event, once)
      listener(...args)
    }
    // What off() finds it by, as for an EventEmitter.
    const found = typeof listener === 'function' ? Object.assign(once, { listener }) : listener
    return this.on(event, found)
  }

  /** As Pool.off. */
  off<E extends keyof PoolEvents>(event: E, listener: PoolListener<E>): this {
    for (const { pool } of this.#members) pool.off(event, listener)
    return this
  }

  /**
   * Each node's own pool, in the order of `nodes`, for what only one of them can do: iterate, map, runSync, limits. Keys of
   * jobs given there are that pool's own.
   */
  get pools(): readonly Pool<M>[] {
    return this.#members.map(({ pool }) => pool)
  }

  /** As Pool.cancel, on all nodes: 'running' if any job runs, else 'ok' if any was cancelled, else 'notfound'. */
  cancel(matches: (job: JobInfo) => boolean): CancelResult
  cancel(id: unknown): CancelResult
  cancel(which: unknown): CancelResult {
    const answers = this.#members.map(({ pool }) => pool.cancel(which))
    return answers.find((answer) => answer === 'running') ?? answers.find((answer) => answer === 'ok') ?? 'notfound'
  }

  /** As Pool.kill, on all nodes. */
  kill(matches: (job: JobInfo) => boolean): number
  kill(id: unknown): number
  kill(which: unknown): number {
    return this.#members.reduce((sum, { pool }) => sum + pool.kill(which), 0)
  }

  /** As Pool.flush, on all nodes. */
  async flush(limit: TimeLimit = {}): Promise<void> {
    const own = FLUSH_OPTIONS.read(limit) as TimeLimit
    await Promise.all(this.#members.map(({ pool }) => pool.flush(own)))
  }

  /** Closes each pool, as Pool.close; resolves when no thread is left. */
  async close(limit: TimeLimit = {}): Promise<void> {
    const own = CLOSE_OPTIONS.read(limit) as TimeLimit
    await Promise.all(this.#members.map(({ pool }) => pool.close(own)))
  }

  /** Destroys each pool; resolves when no thread is left. */
  async destroy(graceMs?: number): Promise<void> {
    await Promise.all(this.#members.map(({ pool }) => pool.destroy(graceMs)))
  }

  /** As close(). */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
