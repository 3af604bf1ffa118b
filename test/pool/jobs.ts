/** The functions that the pool's tests run on workers. */
import { writeFileSync } from 'node:fs'
import { type MessagePort, threadId, workerData } from 'node:worker_threads'
import { fetchAdd, futexWait, futexWake, loadAcquire, storeRelease } from '../../src/lib/barrier.js'
import { currentSignal, type JobSignal, jobContext, reportProgress, transferring } from '../../src/pool/worker/job.js'
import { threadCpus } from '../../src/sys/affinity.js'
import { ARRIVED, RELEASED } from './gate.js'

export function noop(): void {}

export function add(a: number, b: number): number {
  return a + b
}

export function echo<T>(value: T): T {
  return value
}

export function echoAll(...values: unknown[]): unknown[] {
  return values
}

/** As many bytes as wanted, all like the first. */
export function grow(view: Uint8Array, size: number): Uint8Array {
  return new Uint8Array(size).fill(view[0] ?? 0)
}

export async function echoLater<T>(value: T): Promise<T> {
  await new Promise((resolve) => setImmediate(resolve))
  return value
}

/** Says that it has arrived, then waits for the gate to open; returns its thread's id. */
export function hold(gate: Int32Array): number {
  fetchAdd(gate, ARRIVED, 1)
  futexWake(gate, ARRIVED, 1)
  while (loadAcquire(gate, RELEASED) === 0) futexWait(gate, RELEASED, 0, 1000)
  return threadId
}

/** As hold; says whether the gate was open already. */
export function holdWhich(gate: Int32Array): 'open' | 'opened' {
  const isOpen = loadAcquire(gate, RELEASED) !== 0
  hold(gate)
  return isOpen ? 'open' : 'opened'
}

export function failOn(number: number): number {
  if (number === 13) throw new Error('not 13')
  return number
}

/** Notes a number in a log whose first word counts. */
export function note(log: Int32Array, number: number): void {
  storeRelease(log, 1 + fetchAdd(log, 0, 1), number)
}

/** Counts itself in and out of a word; returns how many were in at once, at most. */
export function inside(words: Int32Array, spins: number): number {
  const others = fetchAdd(words, 0, 1)
  for (let i = 0; i < spins; i++) loadAcquire(words, 0)
  fetchAdd(words, 0, -1)
  return others
}

/** Counts itself in, and spins until as many as `wanted` are in. */
export function meet(words: Int32Array, wanted: number): void {
  fetchAdd(words, 0, 1)
  while (loadAcquire(words, 0) < wanted);
}

/** Spins until it is told to stop, without a look at its event loop. */
export function spinUntilAborted(gate: Int32Array): string {
  const signal = currentSignal()
  fetchAdd(gate, ARRIVED, 1)
  while (!signal.aborted) loadAcquire(gate, RELEASED)
  return 'stopped'
}

export function throwWhenAborted(gate: Int32Array): void {
  fetchAdd(gate, ARRIVED, 1)
  for (;;) currentSignal().throwIfAborted()
}

/** Heeds no signal. */
export function heedless(gate: Int32Array): string {
  hold(gate)
  return 'done all the same'
}

let kept: JobSignal | undefined

export function keepSignal(): boolean {
  kept = currentSignal()
  return kept.aborted
}

export function askKeptSignal(): boolean | undefined {
  return kept?.aborted
}

export class HttpError extends TypeError {
  override name = 'HttpError'
  readonly status: number

  constructor(message: string, status: number, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

export function fail(): never {
  const cause = Object.assign(new RangeError('too far'), { code: 'E_FAR' })
  throw Object.assign(new HttpError('no luck', 503, { cause }), { code: 'E_LUCK', detail: { tries: 3 } })
}

export async function failLater(): Promise<never> {
  await new Promise((resolve) => setImmediate(resolve))
  return fail()
}

export function throwValue(value: unknown): never {
  throw value
}

export function failOddly(): never {
  throw Object.assign(new AggregateError([new Error('one'), 2], 'several'), { callback: () => {}, fine: 1 })
}

export function failWithGetter(): never {
  throw Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('no message for you')
    },
  })
}

/** Whoever looks at what is thrown gets something thrown that has no text either. */
export function failHopelessly(): never {
  const look = () => {
    throw Object.create(null)
  }
  throw new Proxy({}, { get: look, getPrototypeOf: look })
}

export function throwInstance(): never {
  throw new (class Refusal {
    because = 'I say so'
    again = () => {}
  })()
}

export function failAsDom(): never {
  throw new DOMException('gone', 'NotFoundError')
}

export function returnFunction(): unknown {
  return { f: () => {} }
}

export function die(code: number): never {
  process.exit(code)
}

/** An error outside of any job: the thread ends with it. */
export function dieLater(): Promise<never> {
  setImmediate(() => {
    throw new Error('out of the blue')
  })
  return new Promise(() => {})
}

export function eat(): unknown {
  const eaten: unknown[] = []
  for (;;) eaten.push(new Array(1e5).fill(Math.random()))
}

export function tid(): number {
  return threadId
}

/** Tells whoever sleeps on the words that are its thread's data. */
export function wake(..._args: unknown[]): void {
  const words = workerData as Int32Array
  storeRelease(words, 0, 1)
  futexWake(words, 0, 1)
}

export function data(): unknown {
  return workerData
}

export function sumBytes(bytes: Uint8Array): number {
  return bytes.reduce((a, b) => a + b, 0)
}

/** Moves its result. */
export function fill(size: number, value: number): Uint8Array {
  const bytes = new Uint8Array(size).fill(value)
  return transferring(bytes, [bytes.buffer])
}

export async function fillLater(size: number, value: number): Promise<Uint8Array> {
  await new Promise((resolve) => setImmediate(resolve))
  return fill(size, value)
}

export function say(port: MessagePort, what: string): void {
  port.postMessage(what)
  port.close()
}

export function makeShared(size: number, value: number): SharedArrayBuffer {
  const sab = new SharedArrayBuffer(size)
  new Int32Array(sab).fill(value)
  return sab
}

export function setWord(sab: SharedArrayBuffer, at: number, value: number): void {
  storeRelease(new Int32Array(sab), at, value)
}

let lastShared: SharedArrayBuffer | undefined

/** Whether this is the very object that the job before got: it came from the worker's cache. */
export function isSameShared(sab: SharedArrayBuffer): boolean {
  const same = sab === lastShared
  lastShared = sab
  return same
}

export function log(text: string): void {
  console.log(text)
  console.log(text)
}

export function writeAtExit(path: string): void {
  process.on('exit', () => writeFileSync(path, 'left'))
}

/** The processors that this thread may run on. */
export function cpus(): number[] | undefined {
  return threadCpus()
}

/** What the job finds of the caller's contexts, before and after an await. */
export async function contexts(...names: string[]): Promise<unknown[][]> {
  const before = names.map((name) => jobContext(name))
  await new Promise((resolve) => setImmediate(resolve))
  return [before, names.map((name) => jobContext(name))]
}

/** Yields what it finds of the caller's contexts, and its arguments. */
export async function* yieldContexts(name: string, ...args: number[]): AsyncGenerator<unknown> {
  yield jobContext(name)
  await new Promise((resolve) => setImmediate(resolve))
  yield jobContext(name)
  yield* args
}

/** Reports and returns a value. */
export function reportAndReturn(value: number): number {
  reportProgress(value)
  return value
}

export function contextAndArgs(name: string, arg: number): [unknown, number] {
  return [jobContext(name), arg]
}

export function writeToContext(name: string, value: number): void {
  const found = jobContext<{ words: Int32Array }>(name)
  if (found !== undefined) storeRelease(found.words, 0, value)
}

/** What the thread was started with. */
export function started(): [env: string | undefined, argv: string[]] {
  return [process.env['A'], process.argv.slice(2)]
}
