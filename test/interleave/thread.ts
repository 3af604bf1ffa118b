/**
 * Entry of a thread under test: runs one body of a scenario again for each schedule, until it is terminated.
 */
import './timers.js' // before what takes them

import { Buffer } from 'node:buffer'
import { parentPort, workerData } from 'node:worker_threads'
import { H, places, RESULT_BYTES, T, threadAt } from './control.js'
import type { Body } from './explorer.js'
import { runHeld } from './hold.js'
import { ScheduleOver, Scheduler } from './scheduler.js'

export interface ThreadData {
  control: SharedArrayBuffer
  memory: SharedArrayBuffer
  nrThreads: number
  me: number
  module: string
  body: string
  arg: unknown
  spinLoads: number
  clockStepMs: number
}

const { control, memory, nrThreads, me, module, body: name, arg, spinLoads, clockStepMs } = workerData as ThreadData
const c = new Int32Array(control)
const ROUND = H.round
const NR_BYTES = threadAt(me) + T.nr_bytes
const results = Buffer.from(control, places(nrThreads).resultsOff + me * RESULT_BYTES, RESULT_BYTES)

const scenario = (await import(module)) as Record<string, Body | undefined>
const body = scenario[name]
if (typeof body !== 'function') throw new Error(`${module} exports no body ${name}`)
parentPort!.postMessage('ready')

for (let round = 0; ; round++) {
  while (Atomics.load(c, ROUND) === round) Atomics.wait(c, ROUND, round)
  const scheduler = new Scheduler(control, memory, me)
  let threw = false
  try {
    post(runHeld(scheduler, memory, { spinLoads, clockStepMs }, () => body(memory, arg, me)))
  } catch (error) {
    threw = !(error instanceof ScheduleOver)
    if (threw) post(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  scheduler.end(threw)
}

function post(result: unknown): void {
  const json = JSON.stringify(result)
  if (json === undefined) return
  if (Buffer.byteLength(json) > RESULT_BYTES) throw new Error(`a result of more than ${RESULT_BYTES} bytes`)
  c[NR_BYTES] = results.write(json)
}
