/** Tasks of the tests of tinypool's interface, whoever runs them. */
import { type MessagePort, threadId, workerData } from 'node:worker_threads'

type State = NodeJS.Process['__tinypool_state__']
const state: State = process.__tinypool_state__

export default function add({ a, b }: { a: number; b: number }): number {
  return a + b
}

/** What a task's thread is told of itself. */
export function surroundings(): unknown {
  const [own, data] = workerData as [{ workerId: number }, unknown]
  const { isTinypoolWorker, isWorkerThread, workerId } = state
  const inState: unknown = state.workerData
  return {
    isTinypoolWorker,
    isWorkerThread,
    workerId,
    inState,
    ownId: own.workerId,
    data,
    env: process.env['OF_THE_POOL'],
  }
}

export function fail(code: string): never {
  throw Object.assign(new RangeError('it fails'), { code })
}

export async function failLater(): Promise<never> {
  await Promise.resolve()
  throw new TypeError('it fails later')
}

export const notAFunction = 7

export async function thread(): Promise<number> {
  return threadId
}

/** Says that it runs, and waits for an answer. */
export function held(port: MessagePort): Promise<unknown> {
  return new Promise((resolve) => {
    port.once('message', (answer: unknown) => {
      port.close()
      resolve(answer)
    })
    port.postMessage('runs')
  })
}

/** Says that it runs, and never ends. */
export function endless(port: MessagePort): never {
  port.postMessage('runs')
  for (;;);
}

let count = 0
export function counted(): number {
  return ++count
}

const kept: unknown[] = []
/** Makes its thread large. */
export function grow(bytes: number): number {
  kept.push(Array.from({ length: bytes / 8 }, (_, i) => i + 0.5))
  return threadId
}

export function crash(): Promise<never> {
  setImmediate(() => {
    throw new Error('outside of the task')
  })
  return new Promise(() => {})
}

let leaving: MessagePort | undefined
export function remember(port: MessagePort): void {
  leaving = port
}
export function teardown(): void {
  leaving?.postMessage('torn down')
  leaving?.close()
}
