/**
 * Threads that use rings end at random moments, in every way that there is: no end ends the process. Main thread of the
 * stress; each batch is a process of its own (ends.child.ts), whose Workers and jobs run the package as shipped.
 */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Prng } from '../model/prng.js'

/** How threads are ended: see ends.child.ts. */
export const WAYS = ['terminate', 'exit', 'natural', 'kill', 'destroy', 'main'] as const
export type Way = (typeof WAYS)[number]
/** What a thread does meanwhile: opens a ring and rests, opens and closes, reads much, reads little. */
export const LOADS = ['rest', 'open', 'large', 'small'] as const
export type Load = (typeof LOADS)[number]

export interface Batch {
  readonly way: Way
  readonly backend: 'kernel' | 'threads'
  readonly load: Load
  readonly ends: number
  readonly seed: number
}

export interface EndsOptions {
  readonly ends: number
  readonly seed: number
  readonly backends: readonly ('kernel' | 'threads')[]
  /** Ends in one process. */
  readonly batch?: number
}

const AT_ONCE = 2
const LIMIT_MS = 600_000

/** Rejects, naming the batches by their options, if a process died. */
export async function stressEnds({ ends, seed, backends, batch = 40 }: EndsOptions): Promise<string> {
  const rng = new Prng(seed)
  const plan: Batch[] = []
  let planned = 0
  for (const first = rng.int(WAYS.length); planned < ends; ) {
    const way = WAYS[(first + plan.length) % WAYS.length]!
    // A process ends once: with the Workers that it has then.
    const size = way === 'main' ? 3 : Math.min(batch, ends - planned)
    plan.push({ way, backend: rng.pick(backends), load: rng.pick(LOADS), ends: size, seed: rng.int(1 << 30) })
    planned += size
  }
  const deaths: string[] = []
  const nrProcesses = plan.length
  const lane = async () => {
    for (let one = plan.pop(); one !== undefined; one = plan.pop()) {
      const death = await run(one)
      if (death !== undefined) deaths.push(death)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  if (deaths.length > 0) throw new Error(`${deaths.length} of ${nrProcesses} processes died:\n${deaths.join('\n')}`)
  return `${planned} ends in ${nrProcesses} processes, none died (${process.version})`
}

/** How the process of a batch died, in words; undefined if it did not. */
async function run(batch: Batch): Promise<string | undefined> {
  const child = fileURLToPath(new URL('./ends.child.js', import.meta.url))
  const process_ = spawn(process.execPath, [child, JSON.stringify(batch)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  const output = Promise.all([text(process_.stdout), text(process_.stderr)])
  const [status, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    process_.once('exit', (...how) => resolve(how)),
  )
  const [stdout, stderr] = await output
  if (status === 0 && stdout === (batch.way === 'main' ? '' : 'survived\n')) return undefined
  return `${JSON.stringify(batch)}: ${signal ?? status}\n${stdout}${stderr.slice(0, 3000)}`
}
