/**
 * Workers that are terminated, throw or exit with a thousand reads in flight: nothing may be written into memory that
 * V8 has given back. Both backends; the main thread of a process of its own, with one arena for all threads.
 *
 * The Worker reads from pipes and from a file. It is ended at a moment drawn from a seed. While its memory is freed, and
 * after, the pipes get bytes, and canaries of the same size take what was freed: malloc gives threads arenas of their own
 * unless it is told otherwise. A Worker that runs on the threads' ring leaves an fd open for each read that pends, so
 * there are fewer of them.
 */
import { execFile } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { O_NONBLOCK, O_WRONLY } from '../../src/abi/posix.js'
import { makePipe } from '../../src/driver/driver.test.backends.js'
import { setStatusFlags } from '../../src/sys/file.js'
import { Prng } from '../model/prng.js'
import { Canaries, collector } from './canary.js'

export interface Terminated {
  readonly backend: 'kernel' | 'threads'
  readonly rounds: number
  /** No round begins after so long, but the first three. */
  readonly limitMs?: number
  readonly seed: number
}

/** What terminated.worker.ts is told. */
export interface Orders {
  readonly backend: 'kernel' | 'threads'
  readonly pipes: readonly number[]
  readonly file: number
  readonly nrReads: number
}

const NR_PIPES = 20
const NR_READS = { kernel: 1000, threads: 40 }
export const READ_BYTES = 16_384
export const FILE_BYTES = 1 << 22
const DATA = 0x5a
const WRITE_BYTES = 1024
const WRITES_PER_MS = 40
const MAX_WRITES_PER_TURN = 400
const WAYS = ['terminate', 'throw', 'exit'] as const
const EAGAIN = 'EAGAIN'
/** Node 20 aborts where a terminated Worker's code is still being compiled in the background (NodePlatform::ForIsolate). */
const NO_BACKGROUND_COMPILER = '--no-concurrent-recompilation'

/** Runs the rounds in a process of its own; resolves to a line that says what was done. */
export async function stressTerminated(options: Terminated): Promise<string> {
  const env = { ...process.env, MALLOC_ARENA_MAX: '1' }
  const child = fileURLToPath(new URL('./terminated.child.js', import.meta.url))
  const args = [NO_BACKGROUND_COMPILER, child, JSON.stringify(options)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  return stdout.trim()
}

/** The rounds, in this process. */
export async function runTerminated({ backend, rounds, limitMs = Infinity, seed }: Terminated): Promise<string> {
  const rng = new Prng(seed)
  const gc = collector()
  const directory = mkdtempSync(join(tmpdir(), 'uring-terminated-'))
  const path = join(directory, 'file')
  writeFileSync(path, Buffer.alloc(FILE_BYTES, DATA))
  const file = openSync(path, 'r')
  let round = 0
  const nr = { terminate: 0, throw: 0, exit: 0 }
  try {
    const end = performance.now() + limitMs
    for (; round < rounds && (round < 3 || performance.now() < end); round++) {
      const way = rng.pick(WAYS)
      nr[way]++
      await runRound(backend, file, way, rng, gc)
    }
  } finally {
    closeSync(file)
    rmSync(directory, { recursive: true, force: true })
  }
  const ends = `${nr.terminate} terminated, ${nr.throw} threw, ${nr.exit} exited`
  return `${backend}: ${round} Workers with ${NR_READS[backend]} reads in flight: ${ends}`
}

async function runRound(
  backend: 'kernel' | 'threads',
  file: number,
  way: (typeof WAYS)[number],
  rng: Prng,
  gc: () => void,
): Promise<void> {
  const canaries = new Canaries(1000)
  const pipes = Array.from({ length: NR_PIPES }, () => makePipe())
  // A full pipe must not stop us; the ends to read from stay as they are.
  for (const [, to] of pipes) setStatusFlags(to, O_WRONLY | O_NONBLOCK)
  // For the first reads, with which the threads' workers start.
  for (const [, to] of pipes) writeSync(to, '1')
  const workerData: Orders = { backend, pipes: pipes.map(([from]) => from), file, nrReads: NR_READS[backend] }
  const worker = new Worker(new URL('./terminated.worker.js', import.meta.url), { workerData })
  let isGone = false
  worker.once('exit', () => {
    isGone = true
  })
  await new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.on('error', (error) => {
      if (error.message !== 'as it was told') reject(error)
    })
  })
  for (let turns = rng.int(4); turns > 0; turns--) await turn()
  if (way === 'terminate') void worker.terminate()
  else worker.postMessage(way)
  // Until it is gone and for some turns after, for the thread outlives its memory by a little. A read each for as long as
  // it may take: there must be some left in flight when the memory goes.
  const bytes = Buffer.alloc(WRITE_BYTES, DATA)
  const begin = performance.now()
  let nrWrites = 0
  for (let after = 0; after < 4; after += isGone ? 1 : 0) {
    for (let i = 0; i < 4; i++) canaries.hatch(READ_BYTES)
    // What is late beyond that is left out: where each write takes longer than it may there is no catching up.
    const due = Math.floor((performance.now() - begin) * WRITES_PER_MS)
    for (nrWrites = Math.max(nrWrites, due - MAX_WRITES_PER_TURN); nrWrites < due; nrWrites++)
      write(rng.pick(pipes)[1], bytes)
    await turn()
    if (rng.oneIn(1000)) gc()
  }
  canaries.check()
  for (const end of pipes.flat()) closeSync(end)
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function write(fd: number, bytes: Uint8Array): void {
  try {
    writeSync(fd, bytes)
  } catch (error) {
    if ((error as { code?: string }).code !== EAGAIN) throw error
  }
}
