/**
 * Runs jobs: reads the arguments, calls the function, writes what came of it. Worker threads only.
 *
 * It touches the record of the job it runs, its own seat and its own ring. What needs the owner's help, arguments that
 * travel in a message, it claims: it says so in its seat, wakes the owner, and sleeps until the message is there.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { fetchAdd, futexWait, loadAcquire, xchg } from '../lib/barrier.js'
import { ITEM, type WqMemory } from '../wq/layout.js'
import { ResultBytes, RingWriter } from './arena.js'
import { Codec, NO_ROOM } from './codec.js'
import { describe, poolError } from './failure.js'
import { enterJob, leaveJob, Transferring } from './job.js'
import { readName } from './names.js'
import type { ClaimMessage, PackedMessage } from './outgoing.js'
import {
  AT,
  CLAIM_OPEN,
  DATA,
  DATA_BYTES,
  DATA_WORDS,
  FUNC,
  KIND,
  KIND_BYTES,
  KIND_CLONE,
  KIND_FAILED,
  KIND_MESSAGE,
  KIND_STORED,
  KIND_VALUES,
  POOL,
  SEAT,
  SIZE,
  type Space,
} from './record.js'
import { pack, unpack } from './serial.js'
import { isPlainData } from './shape.js'
import { SharedBufferCache, UnknownBuffer } from './shared-buffers.js'

const FLAGS = ITEM.at.flags >> 2
const NR_CLAIMS = POOL.at.nr_claims >> 2
/** A claim is answered within a turn of the owner's event loop; the wait wakes now and then, in case a wake-up is lost. */
const CLAIM_SLICE_MS = 1000
const NO_ARGS: unknown[] = []

type JobFunction = (...args: unknown[]) => unknown

export interface JobsModule {
  readonly functions: Record<string, unknown>
  /** Why the module could not be loaded: every job then fails with it. */
  readonly loadError: unknown
}

/** What a runner is made of: its memory, its seat, its port to the owner, and how to wake the owner. */
export interface RunnerParts {
  readonly mem: WqMemory
  readonly space: Space
  readonly slot: number
  readonly port: MessagePort
  readonly module: JobsModule
  readonly wakeOwner: () => void
}

export class JobRunner {
  readonly #mem: WqMemory
  readonly #words: Int32Array
  readonly #space: Space
  readonly #slot: number
  readonly #port: MessagePort
  readonly #module: JobsModule
  readonly #wakeOwner: () => void
  readonly #codec: Codec
  readonly #shared: SharedBufferCache
  readonly #ring: RingWriter
  readonly #functions: (JobFunction | undefined)[] = []

  constructor({ mem, space, slot, port, module, wakeOwner }: RunnerParts) {
    this.#mem = mem
    this.#words = mem.words
    this.#space = space
    this.#slot = slot
    this.#port = port
    this.#module = module
    this.#wakeOwner = wakeOwner
    this.#shared = new SharedBufferCache(space)
    this.#codec = new Codec(mem.words, this.#shared, new ResultBytes(space, mem.words))
    this.#ring = new RingWriter(space, slot)
    // A worker that sat here before may have died in a claim.
    xchg(space.words, space.seat(slot) + (SEAT.at.claim >> 2), 0)
  }

  /** Runs one item. Never throws; a promise it returns never rejects. */
  run(item: number): undefined | Promise<void> {
    const p = this.#mem.payload(item)
    enterJob(this.#words, this.#mem.item(item) + FLAGS)
    let result: unknown
    try {
      this.#shared.refresh()
      const number = this.#words[p + FUNC]!
      const job = this.#functions[number] ?? this.#find(number)
      // Where `this` is undefined, as a module's function expects.
      result = this.#call(job, item, p)
      if (isThenable(result)) return this.#finish(p, result)
      this.#putResult(p, result)
    } catch (error) {
      this.#putFailure(p, error)
    }
    leaveJob()
    return undefined
  }

  async #finish(p: number, promise: PromiseLike<unknown>): Promise<void> {
    try {
      this.#putResult(p, await promise)
    } catch (error) {
      this.#putFailure(p, error)
    }
    leaveJob()
  }

  /** Buffers kept for later jobs are dropped: this worker goes to sleep. */
  forgetBuffers(): void {
    this.#shared.clear()
  }

  #find(number: number): JobFunction {
    const { functions, loadError } = this.#module
    if (loadError !== undefined) {
      throw poolError('ERR_URING_JOBS_MODULE', `the module of jobs cannot be loaded: ${String(loadError)}`, loadError)
    }
    const name = readName(this.#space, number)
    const found = Object.hasOwn(functions, name) ? functions[name] : undefined
    if (typeof found !== 'function') {
      throw poolError('ERR_URING_NO_SUCH_JOB', `the module of jobs exports no function '${name}'`)
    }
    this.#functions[number] = found as JobFunction
    return found as JobFunction
  }

  #call(job: JobFunction, item: number, p: number): unknown {
    const words = this.#words
    if (words[p + KIND] !== KIND_VALUES) return job(...this.#getArgs(item, p))
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
    this.#claim(item)
    return job(...codec.getAll(p + DATA, words[p + SIZE]!))
  }

  #getArgs(item: number, p: number): unknown[] {
    const words = this.#words
    const size = words[p + SIZE]!
    switch (words[p + KIND]) {
      case KIND_BYTES: {
        const from = (p + DATA) << 2
        return unpack(this.#codec.bytes.subarray(from, from + size), NO_ARGS as never[]) as unknown[]
      }
      case KIND_STORED: {
        const from = words[p + AT]!
        return unpack(this.#space.bytes.subarray(from, from + size), NO_ARGS as never[]) as unknown[]
      }
      case KIND_MESSAGE: {
        const { bytes, buffers } = this.#claim(item) as PackedMessage
        return unpack(bytes, buffers) as unknown[]
      }
      default:
        return this.#claim(item) as unknown[]
    }
  }

  /** Asks the owner for the job's message, and waits for it. Returns its body. */
  #claim(item: number): unknown {
    const { words } = this.#space
    const seat = this.#space.seat(this.#slot)
    const answer = seat + (SEAT.at.answer >> 2)
    xchg(words, answer, CLAIM_OPEN)
    xchg(words, seat + (SEAT.at.claim >> 2), item + 1)
    // Publishes the claim; pairs with the owner's look at the word before it goes idle.
    fetchAdd(words, NR_CLAIMS, 1)
    this.#wakeOwner()
    while (loadAcquire(words, answer) === CLAIM_OPEN) futexWait(words, answer, CLAIM_OPEN, CLAIM_SLICE_MS)
    const message = receiveMessageOnPort(this.#port)?.message as ClaimMessage | undefined
    if (message === undefined) throw poolError('ERR_URING_WORKER_DIED', 'the arguments of this job did not arrive')
    this.#shared.keep(message.sabs)
    return message.body
  }

  #putResult(p: number, result: unknown): void {
    const words = this.#words
    if (this.#codec.put(p + DATA, p + DATA + DATA_WORDS, result) === NO_ROOM) {
      this.#putBig(p, result, 0)
      return
    }
    words[p + KIND] = KIND_VALUES
  }

  #putFailure(p: number, thrown: unknown): void {
    try {
      this.#putBig(p, describe(thrown), KIND_FAILED)
    } catch (error) {
      // The thing thrown has getters that throw, or the like.
      const what = new Error(`a job threw what cannot be described: ${String(error)}`)
      this.#putBig(p, describe(what), KIND_FAILED)
    }
  }

  #putBig(p: number, value: unknown, failed: number): void {
    const words = this.#words
    words[p + FUNC] = this.#slot
    if (value instanceof Transferring) {
      this.#port.postMessage(value.value, value.transfer)
      words[p + KIND] = KIND_CLONE | failed
      return
    }
    if (!isPlainData(value)) {
      this.#port.postMessage(value)
      words[p + KIND] = KIND_CLONE | failed
      return
    }
    const { bytes, buffers } = pack(value, [])
    words[p + SIZE] = bytes.length
    if (buffers.length > 0) this.#post(p, { bytes, buffers }, failed)
    else if (bytes.length <= DATA_BYTES) {
      this.#codec.bytes.set(bytes, (p + DATA) << 2)
      words[p + KIND] = KIND_BYTES | failed
    } else if (this.#ring.put(bytes)) {
      words[p + AT] = this.#ring.end
      words[p + KIND] = KIND_STORED | failed
    } else this.#post(p, { bytes, buffers }, failed)
  }

  #post(p: number, packed: PackedMessage, failed: number): void {
    this.#port.postMessage(packed, [packed.bytes.buffer as ArrayBuffer, ...packed.buffers])
    this.#words[p + KIND] = KIND_MESSAGE | failed
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
