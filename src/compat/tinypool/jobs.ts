/**
 * What runs in the threads of a Tinypool: finds tasks' functions by module and name, and runs them. Worker threads only.
 * Counterpart: tinypool's entry of its threads.
 */
import { pathToFileURL } from 'node:url'
import { threadId, workerData } from 'node:worker_threads'
import { memoryUsage, process } from '../../lib/globals.js'
import { isThenable } from '../../lib/is-thenable.js'
import { retireThread, transferring } from '../../pool/worker/job.js'
import { giveNumberBack, takeNumber } from '../numbers.js'
import { isMovable, kTransferable, kValue } from './movable.js'
import type { Seat } from './options.js'

type Handler = (task: unknown) => unknown

const [seat, data] = workerData as [Seat, unknown]
const { numbers, max, filename, name, teardown, heapLimit } = seat.setUp!
const words = new Int32Array(numbers)
const handlers = new Map<string, Handler>()
/** That of the pool's own module and name, once it is there. */
let own: Handler | undefined

/** The thread's beginning: takes its number, and loads the pool's module. */
export async function open(): Promise<void> {
  delete seat.setUp
  seat.workerId = takeNumber(words, max, threadId)
  const state = { isWorkerThread: true, isTinypoolWorker: true, workerData: data, workerId: seat.workerId }
  Object.assign(process, { __tinypool_state__: state })
  // What does not load is told to each task.
  if (filename !== null) await find(filename, name).catch(() => {})
}

/** The thread's end, if it leaves by itself. */
export async function close(): Promise<void> {
  try {
    if (teardown !== undefined && filename !== null) await (await find(filename, teardown))({})
  } finally {
    giveNumberBack(words, threadId)
  }
}

/** Runs a task of the pool's own module and name. */
export function run(task: unknown): unknown {
  return own === undefined ? runLater(filename!, name, task) : finish(own(task))
}

/** Runs a task of another. */
export function runOf(file: string, exported: string, task: unknown): unknown {
  const handler = handlers.get(`${file}/${exported}`)
  return handler === undefined ? runLater(file, exported, task) : finish(handler(task))
}

/** As both, for a task with a channel: which thread ran it, and how it ended. */
export async function runTold(file: string, exported: string, task: unknown): Promise<unknown> {
  try {
    return { threadId, result: await runLater(file, exported, task) }
  } catch (error) {
    return { threadId, error }
  }
}

async function runLater(file: string, exported: string, task: unknown): Promise<unknown> {
  return finish(await (await find(file, exported))(task))
}

function finish(result: unknown): unknown {
  if (isThenable(result)) return Promise.resolve(result).then(finish)
  if (heapLimit !== undefined && memoryUsage().heapUsed > heapLimit) retireThread()
  return isMovable(result) ? transferring<unknown>(result[kValue], [result[kTransferable] as ArrayBuffer]) : result
}

/** Rejects if the module does not load, or has no such function. */
async function find(file: string, exported: string): Promise<Handler> {
  const key = `${file}/${exported}`
  const known = handlers.get(key)
  if (known !== undefined) return known
  const module = (await import(addressOf(file))) as Record<string, unknown>
  const { default: whole } = module
  // What CommonJS exports is whole there; a module's own names go first where its default is a function.
  const from = typeof whole !== 'function' && whole ? (whole as Record<string, unknown>) : module
  const handler: unknown = await (from[exported] ?? module[exported])
  if (typeof handler !== 'function') throw new Error(`No handler function "${exported}" exported from "${file}"`)
  handlers.set(key, handler as Handler)
  if (file === filename && exported === name) own = handler as Handler
  return handler as Handler
}

function addressOf(file: string): string {
  return file.startsWith('/') ? pathToFileURL(file).href : file
}
