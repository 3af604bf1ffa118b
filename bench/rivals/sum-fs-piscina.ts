/**
 * The rival of `uring sum`: the same program, written with fs/promises and piscina. `node sum-fs-piscina.js PATH…`.
 *
 * The main thread lists directories, many at a time, and hands files to workers in batches; a worker opens, stats, reads
 * and closes its files with fs/promises, several at once, and hashes them. Lines come in no particular order, which
 * spares it the waiting that `uring sum` does for order.
 */
import { readdir, stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { FixedQueue, Piscina } from 'piscina'

const WORKER = fileURLToPath(new URL('./sum-fs-piscina-worker.js', import.meta.url))
const MAX_LISTING = 16
const BATCH_FILES = 64
/** What a worker may have waiting, so that it never waits itself. */
const BATCHES_PER_WORKER = 2

const threads = availableParallelism()
const pool = new Piscina({
  filename: WORKER,
  minThreads: threads,
  maxThreads: threads,
  concurrentTasksPerWorker: BATCHES_PER_WORKER,
  taskQueue: new FixedQueue(),
  recordTiming: false,
})

/** Names are byte strings (latin1), so that none is lost. */
const directories: string[] = []
let batch: string[] = []
let nrListing = 0
let nrBatches = 0
let finish: () => void = () => {}
const finished = new Promise<void>((resolve) => {
  finish = resolve
})

async function list(directory: string): Promise<void> {
  try {
    const entries = await readdir(Buffer.from(directory, 'latin1'), { withFileTypes: true, encoding: 'latin1' })
    const prefix = directory.endsWith('/') ? directory : `${directory}/`
    for (const entry of entries) {
      if (entry.isDirectory()) directories.push(prefix + entry.name)
      else if (entry.isFile()) add(prefix + entry.name)
    }
  } catch (error) {
    complain(directory, error as Error)
  }
}

function add(name: string): void {
  batch.push(name)
  if (batch.length === BATCH_FILES) send()
}

async function send(): Promise<void> {
  const names = batch
  batch = []
  nrBatches++
  const { lines, errors } = (await pool.run(names)) as { lines: string; errors: string[] }
  process.stdout.write(lines, 'latin1')
  for (const error of errors) complain(error, undefined)
  nrBatches--
  step()
}

function complain(name: string, error: Error | undefined): void {
  console.error(error === undefined ? name : `${name}: ${error.message}`)
  process.exitCode = 1
}

/** Lists while there is room for it; ends when there is nothing more to do. */
function step(): void {
  while (nrListing < MAX_LISTING && directories.length > 0) {
    nrListing++
    void list(directories.pop()!).then(() => {
      nrListing--
      step()
    })
  }
  if (nrListing > 0) return
  if (batch.length > 0) void send()
  else if (nrBatches === 0) finish()
}

for (const path of process.argv.slice(2)) {
  const name = Buffer.from(path).toString('latin1')
  if ((await stat(path)).isDirectory()) directories.push(name)
  else add(name)
}
step()
await finished
await pool.close()
