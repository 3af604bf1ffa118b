/**
 * Runs jobs: reads the arguments, calls the function, writes what came of it. Worker threads only.
 *
 * It touches the record of the job it runs, its own seat and its own ring. A job that returns a promise is detached: its
 * record is written when the promise has settled, and others run meanwhile.
 */
import type { MessagePort } from 'node:worker_threads'
import { isThenable } from '../../lib/is-thenable.js'
import type { WqMemory } from '../../wq/layout.js'
import { FLAGS } from '../../wq/words.js'
import { ASYNC } from '../../wq/worker-hooks.js'
import { ResultBytes } from '../between/arena.js'
import { EVENT_START } from '../between/messages.js'
import { NAMED, readName, takesContext } from '../between/names.js'
import { DATA, FUNC, JOB_START, JOB_STREAM, KIND, KIND_VALUES, SIZE, type Space } from '../between/record.js'
import { SharedBufferCache, UnknownBuffer } from '../between/shared-buffers.js'
import { Codec } from '../values/codec.js'
import { LongCodec } from '../values/long-codec.js'
import { JobArgs } from './job-args.js'
import { callStored, detachJob, enterJob, type JobContext, leaveJob } from './job-context.js'
import { JobResult } from './job-result.js'
import { takingStores } from './job-stores.js'
import type { JobFunction, JobsModule } from './jobs-module.js'
import { JobStream } from './stream.js'
import type { WorkerEvents } from './worker-events.js'

const AsyncFunction = (async () => {}).constructor

/** What a runner is made of: its memory, its seat, its ports to the owner, and how to wake the owner. */
export interface RunnerParts {
  readonly mem: WqMemory
  readonly space: Space
  readonly slot: number
  readonly port: MessagePort
  readonly events: WorkerEvents
  readonly module: JobsModule
  /** Wakes the owner for a claim. */
  readonly wakeOwner: () => void
  /** A job that was detached has ended, and its record is written. */
  readonly onFinished: (item: number) => void
}

export class JobRunner {
  readonly #parts: RunnerParts
  readonly #mem: WqMemory
  readonly #words: Int32Array
  readonly #codec: Codec
  readonly #shared: SharedBufferCache
  readonly #args: JobArgs
  readonly #result: JobResult
  /** By number: functions that returned, and no promise. */
  readonly #functions: (JobFunction | undefined)[] = []
  /** By number: those that returned a promise once, or are declared async. */
  readonly #asyncs = new Map<number, JobFunction>()

  constructor(parts: RunnerParts) {
    const { mem, space, slot, port } = parts
    this.#parts = parts
    this.#mem = mem
    this.#words = mem.words
    this.#shared = new SharedBufferCache(space)
    this.#codec = new Codec(mem.words, this.#shared, new ResultBytes(space, mem.words))
    const long = new LongCodec()
    this.#args = new JobArgs({ ...parts, codec: this.#codec, long, shared: this.#shared })
    this.#result = new JobResult(this.#codec, long, space, slot, port)
  }

  /** Runs one item. Never throws. ASYNC: the job returned a promise, and onFinished will be called. */
  run(item: number): undefined | typeof ASYNC {
    const p = this.#mem.payload(item)
    enterJob(this.#parts.events, item)
    try {
      this.#shared.refresh()
      const number = this.#words[p + FUNC]!
      const job = this.#functions[number]
      if (job === undefined || (this.#words[this.#mem.item(item) + FLAGS]! & (JOB_STREAM | JOB_START)) !== 0) {
        return this.#runStored(item, p, number)
      }
      // Where `this` is undefined, as a module's function expects.
      const result = this.#call(job, item, p)
      if (isThenable(result)) {
        this.#functions[number] = undefined
        this.#asyncs.set(number, job)
        detachJob(false, (context) => void this.#finish(item, p, result, context))
        return ASYNC
      }
      this.#result.put(p, result)
    } catch (error) {
      this.#result.putFailure(p, error)
    }
    leaveJob()
    return undefined
  }

  /** Runs a function that is called for the first time, whose begin is to be known, or that returns promises: what it awaits shall know its job. */
  #runStored(item: number, p: number, number: number): undefined | typeof ASYNC {
    const flags = this.#words[this.#mem.item(item) + FLAGS]!
    if ((flags & JOB_START) !== 0) this.#parts.events.post(item, EVENT_START, undefined)
    const isNamed = number >= NAMED
    const known = isNamed ? undefined : (this.#asyncs.get(number) ?? this.#functions[number] ?? this.#find(number))
    const args = this.#args.read(item, p)
    const job = known ?? this.#find(number, args.shift() as string)
    const isStream = (flags & JOB_STREAM) !== 0
    if (isStream || job instanceof AsyncFunction) this.#asyncs.set(number, job)
    const result = callStored(() =>
      isStream ? new JobStream(this.#parts.events, item).drive(job, args) : job(...args),
    )
    if (isThenable(result)) {
      this.#asyncs.set(number, job)
      detachJob(true, (context) => void this.#finish(item, p, result, context))
      return ASYNC
    }
    if (!isNamed && !this.#asyncs.has(number)) this.#functions[number] = job
    this.#result.put(p, result)
    leaveJob()
    return undefined
  }

  async #finish(item: number, p: number, promise: PromiseLike<unknown>, context: JobContext): Promise<void> {
    try {
      this.#result.put(p, await promise)
    } catch (error) {
      this.#result.putFailure(p, error)
    }
    context.end()
    this.#parts.onFinished(item)
  }

  /** Buffers kept for later jobs are dropped: this worker goes to sleep. */
  forgetBuffers(): void {
    this.#shared.clear()
  }

  #find(number: number, name = readName(this.#parts.space, number)): JobFunction {
    const { module, space } = this.#parts
    const job = module.find(name)
    return takesContext(space, number) ? takingStores(job) : job
  }

  #call(job: JobFunction, item: number, p: number): unknown {
    const words = this.#words
    if (words[p + KIND] !== KIND_VALUES) return job(...this.#args.read(item, p))
    const codec = this.#codec
    try {
      switch (words[p + SIZE]) {
        case 0:
          return job()
        case 1: {
          const arg = codec.get(p + DATA)
          return job(arg)
        }
        default:
          return job(...codec.getAll(p + DATA, words[p + SIZE]!))
      }
    } catch (error) {
      if (!(error instanceof UnknownBuffer)) throw error
    }
    return job(...this.#args.read(item, p))
  }
}
