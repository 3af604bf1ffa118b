/** Jobs that use what a worker offers them, in an environment that is made as they are loaded. */
import { setTimeout as sleep } from 'node:timers/promises'
import { workerData } from 'node:worker_threads'
import { currentSignal, jobContext, reportProgress, transferring } from 'uring/pool/job'
import { enter } from './environments.js'

const { ByteBuffer } = { ByteBuffer: Uint8Array }

export function init(): void {
  enter('after', workerData as string)
}

export function add(a: number, b: number): number {
  return a + b
}

export function echo(value: unknown): unknown {
  return value
}

export async function later(value: unknown): Promise<unknown> {
  await sleep(1)
  return value
}

export function fail(message: string): never {
  throw Object.assign(new RangeError(message, { cause: new TypeError('why') }), { code: 'E_TEST', detail: { deep: 1 } })
}

export function* count(n: number): Generator<number> {
  for (let i = 0; i < n; i++) yield i
}

export function progress(n: number): number {
  for (let i = 0; i < n; i++) reportProgress({ i })
  return n
}

export function untilAborted(): string {
  reportProgress('began')
  while (!currentSignal().aborted);
  return 'aborted'
}

export function context(): unknown {
  return jobContext('store')
}

export function moved(): Uint8Array {
  const bytes = new ByteBuffer(8)
  return transferring(bytes, [bytes.buffer])
}
