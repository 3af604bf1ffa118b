/**
 * The threads of a Tinypool and the Pool that has them, from the first task until destroy(). Owner thread only.
 */
import { URL } from '../../lib/globals.js'
import { Pool } from '../../pool/pool.js'
import { giveNumberBack } from '../numbers.js'
import { Roster } from '../roster.js'
import { type FilledOptions, type Options, poolOptions, type TinypoolChannel } from './options.js'
import { type Order, Tasks } from './tasks.js'
import { SeenThread } from './threads.js'

const JOBS = new URL('./jobs.js', import.meta.url)

export interface CrewHooks {
  readonly onDrain: () => void
  readonly onError: (error: Error) => void
}

/** How a task with a channel ended, and where. */
type Told = { threadId: number; result?: unknown; error?: unknown }

export class Crew {
  readonly tasks: Tasks
  readonly #pool: Pool<typeof import('./jobs.js')>
  readonly #roster: Roster
  readonly #options: FilledOptions
  readonly #threads = new Map<number, SeenThread>()
  #destroyed: Promise<void> | undefined
  /** Who waits for the next thread to end. */
  #onEnded: (() => void)[] = []

  constructor(given: Options, options: FilledOptions, { onDrain, onError }: CrewHooks) {
    this.#options = options
    this.#roster = new Roster('tinypool', {
      onCreated: (threadId) => void this.#threads.set(threadId, new SeenThread(threadId)),
      onEnded: (threadId, error) => {
        giveNumberBack(words, threadId)
        this.#end(threadId, error)
      },
    })
    const [own, numbers] = poolOptions(given, options, this.#roster.name)
    const words = new Int32Array(numbers)
    try {
      this.#pool = new Pool<typeof import('./jobs.js')>(JOBS, own)
    } catch (error) {
      this.#roster.close()
      throw error
    }
    this.#pool.on('error', onError)
    this.tasks = new Tasks({ pool: this.#pool, options, hasQueue: given.taskQueue !== undefined, onDrain })
  }

  get threads(): SeenThread[] {
    return [...this.#threads.values()]
  }

  get isDestroyed(): boolean {
    return this.#destroyed !== undefined
  }

  #end(threadId: number, error: Error | undefined): void {
    const thread = this.#threads.get(threadId)
    this.#threads.delete(threadId)
    for (const call of this.#onEnded.splice(0)) call()
    thread?.end(error)
  }

  /** Runs a task with a channel, which its thread has from then on. */
  async runTold(order: Order, task: unknown, channel: TinypoolChannel): Promise<unknown> {
    let told: Told
    try {
      told = (await this.tasks.run(order, task)) as Told
    } catch (error) {
      channel.onClose?.()
      throw error
    }
    const { threadId, ...end } = told
    const thread = this.#options.isolateWorkers === true ? undefined : this.#threads.get(threadId)
    if (thread === undefined) channel.onClose?.()
    else thread.setChannel(channel)
    if ('error' in end) throw end.error
    return end.result
  }

  /** Replaces all threads; resolves when as many as were idle have ended. */
  async recycle(): Promise<void> {
    const { inFlight, queued } = this.#pool.stats()
    const nrBusy = Math.ceil((inFlight - queued) / this.#options.concurrentTasksPerWorker)
    const nrIdle = this.#threads.size - nrBusy
    const recycled = this.#pool.recycle()
    let nrEnded = 0
    const idleEnded = new Promise<void>((resolve) => {
      const count = () => {
        if (nrEnded++ >= nrIdle) resolve()
        else this.#onEnded.push(count)
      }
      count()
    })
    await Promise.race([recycled, idleEnded])
  }

  /** Ends all. */
  destroy(): Promise<void> {
    this.#destroyed ??= this.tasks.destroy().finally(() => this.#roster.close())
    return this.#destroyed
  }
}
