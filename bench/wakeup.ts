/**
 * Waking a sleeping event loop: how long from a worker's signal until JavaScript runs. Main thread and one worker.
 *
 * One round trip an operation: the main thread wakes the worker by futex, which is the same for all, and the worker
 * answers by the subject's means. `uring/eventfd` is what rings wake the loop with; the Pool sends a message.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { futexWake, storeRelease } from '../src/lib/barrier.js'
import { LoopWaker } from '../src/sys/loop.js'
import type { Bench, Plan, Subject } from './bench.js'
import { meterPromises } from './meter.js'
import { ANSWER, ASK, HOW, STOP, type WakeupData } from './rivals/wakeup-worker.js'

export const bench: Bench = {
  question: 'how long until a sleeping event loop runs what another thread has for it? (a round trip, one at a time)',
  unit: 'wake-ups',
  pairs: [
    ['uring/eventfd', 'MessagePort'],
    ['uring/eventfd', 'Atomics.waitAsync'],
  ],
  async settings(plan) {
    return [
      {
        name: 'inflight=1',
        async open() {
          const openers = { 'uring/eventfd': byEventfd, MessagePort: byMessage, 'Atomics.waitAsync': byWaitAsync }
          const subjects: Subject[] = []
          for (const [name, open] of Object.entries(openers)) {
            try {
              subjects.push(await open(name, plan))
            } catch (error) {
              plan.leaveOut(name, (error as Error).message)
            }
          }
          return subjects
        },
      },
    ]
  },
}

async function byEventfd(name: string, plan: Plan): Promise<Subject> {
  let resolve = () => {}
  const waker = new LoopWaker(() => resolve())
  waker.ref()
  const echo = await Echo.start({ fd: waker.fd })
  const answered = () =>
    new Promise<void>((done) => {
      resolve = done
      echo.ask()
    })
  return subjectOf(name, plan, answered, async () => {
    await echo.stop()
    waker.close()
  })
}

async function byMessage(name: string, plan: Plan): Promise<Subject> {
  const echo = await Echo.start({ fd: HOW.message })
  let resolve = () => {}
  echo.worker.on('message', () => resolve())
  const answered = () =>
    new Promise<void>((done) => {
      resolve = done
      echo.ask()
    })
  return subjectOf(name, plan, answered, () => echo.stop())
}

type WaitAsync = (
  words: Int32Array,
  index: number,
  value: number,
) => { async: boolean; value: Promise<string> | string }

async function byWaitAsync(name: string, plan: Plan): Promise<Subject> {
  const waitAsync = (Atomics as unknown as { waitAsync?: WaitAsync }).waitAsync
  if (waitAsync === undefined) throw new Error('this Node has no Atomics.waitAsync')
  const echo = await Echo.start({ fd: HOW.notify })
  const answered = async () => {
    const seen = echo.words[ANSWER]!
    const waiting = waitAsync(echo.words, ANSWER, seen)
    echo.ask()
    await waiting.value
  }
  return subjectOf(name, plan, answered, () => echo.stop())
}

function subjectOf(name: string, plan: Plan, op: () => Promise<void>, close: () => Promise<void>): Subject {
  return { name, round: () => meterPromises(plan.roundMs, 1, op, () => {}), close }
}

/** The worker that answers. */
class Echo {
  readonly words: Int32Array
  readonly worker: Worker
  #nrAsked = 0

  private constructor(words: Int32Array, worker: Worker) {
    this.words = words
    this.worker = worker
  }

  static async start({ fd }: { fd: number }): Promise<Echo> {
    const words = new Int32Array(new SharedArrayBuffer(256))
    const workerData: WakeupData = { words, fd }
    const worker = new Worker(new URL('./rivals/wakeup-worker.js', import.meta.url), { workerData })
    await once(worker, 'online')
    return new Echo(words, worker)
  }

  ask(): void {
    this.#nrAsked = (this.#nrAsked + 1) | 0
    // Pairs with loadAcquire(ASK) in the worker.
    storeRelease(this.words, ASK, this.#nrAsked)
    futexWake(this.words, ASK, 1)
  }

  async stop(): Promise<void> {
    storeRelease(this.words, STOP, 1)
    const exit = once(this.worker, 'exit')
    this.ask()
    await exit
  }
}
