/**
 * log-digest [FILE…] [--out DIR] [--timeout MS] [--make MB] [--json]: hits, bytes and sessions of each host in access logs.
 * Main thread; the work is done in a Pool.
 *
 * Files are read in the order given (`-` is stdin); without any it makes some. Pieces are parsed in parallel, then each
 * host's hits go to a job with the host as its key: hosts in parallel, a host's hits one job after the other and in the
 * order of the log, for that is what sessions are made of. With --out each host gets a file, written and fsynced by
 * unbounded jobs. ^C or --timeout cancels what is left, prints what was found until then, and exits with 130 or 124.
 */
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Pool } from 'uring/pool'
import { Hosts } from './hosts.js'
import { pieces } from './pieces.js'
import { writeSample } from './sample.js'

/** Pieces being parsed, and parsed ahead of the one whose hits are given out next. */
const AHEAD = 2 * availableParallelism()
const SHOWN = 5
const EXIT_TIMEOUT = 124
const EXIT_SIGINT = 130

const { values: options, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string' },
    timeout: { type: 'string' },
    make: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
  },
})

const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url))
const stop = new AbortController()
const { signal } = stop
const hosts = new Hosts()
const counts = { bytes: 0, lines: 0, bad: 0, saved: 0 }

async function digest(paths: readonly string[]): Promise<void> {
  const extending: Promise<void>[] = []
  const parsing: Promise<void>[] = []
  /** The pieces' hits are given out in the order of the pieces, whichever is parsed first. */
  let before = Promise.resolve()
  for (const path of paths) {
    console.error(`reading ${path}`)
    const source = path === '-' ? process.stdin : createReadStream(path)
    for await (const piece of pieces(source, signal)) {
      counts.bytes += piece.length
      const parsed = pool.run('parse', [piece], { signal })
      const mine = Promise.all([parsed, before]).then(([{ lines, bad, hosts: found }]) => {
        counts.lines += lines
        counts.bad += bad
        for (const [host, hits] of found) {
          const { table, row } = hosts.place(host)
          extending.push(awaitedLater(pool.run('extend', [table, row, hits], { key: host, signal })))
        }
      })
      before = awaitedLater(mine)
      parsing.push(before)
      if (parsing.length >= AHEAD) await parsing.shift()
    }
  }
  await before
  await Promise.all(extending)
}

/** A promise that somebody awaits in the end, and that may fail before: no unhandled rejection meanwhile. */
function awaitedLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

async function save(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const saving = [...hosts].map(async ([host, { table, row }]) => {
    const path = join(folder, `${encodeURIComponent(host)}.json`)
    await pool.run('save', [path, host, table, row], { key: host, unbounded: true, signal })
    counts.saved++
  })
  await Promise.all(saving)
}

function report(startMs: number): void {
  const found = hosts.digests()
  const ms = Math.round(performance.now() - startMs)
  const { cancelled } = pool.stats()
  if (options.json) {
    console.log(JSON.stringify({ ...counts, ms, cancelled, hosts: found }))
    return
  }
  const sessions = found.reduce((sum, host) => sum + host.sessions, 0)
  const speed = (counts.bytes / 1e3 / ms).toFixed(1)
  console.log(`${counts.lines} lines, ${found.length} hosts, ${sessions} sessions; ${ms} ms, ${speed} MB/s`)
  if (counts.bad > 0) console.log(`${counts.bad} lines are no log lines`)
  if (counts.saved > 0) console.log(`${counts.saved} files in ${options.out}`)
  for (const { host, hits, bytes, errors, sessions: own, longestSeconds } of found.slice(0, SHOWN)) {
    const longest = `longest ${Math.round(longestSeconds / 60)} min`
    console.log(
      `${host.padEnd(16)} ${hits} hits, ${(bytes / 1e6).toFixed(1)} MB, ${errors} errors, ${own} sessions, ${longest}`,
    )
  }
  if (signal.aborted) console.log(`stopped: ${String(signal.reason)}; ${cancelled} jobs never ran`)
}

process.once('SIGINT', () => {
  process.exitCode = EXIT_SIGINT
  stop.abort('interrupted')
})
let timer: NodeJS.Timeout | undefined
const made = files.length === 0 ? await mkdtemp(join(tmpdir(), 'log-digest-')) : undefined
try {
  if (made !== undefined) {
    for (const day of [1, 2]) {
      const path = join(made, `access-${day}.log`)
      await writeSample(path, (Number(options.make) * 1e6) / 2, day)
      files.push(path)
    }
  }
  if (options.timeout !== undefined) {
    timer = setTimeout(() => {
      process.exitCode = EXIT_TIMEOUT
      stop.abort('timeout')
    }, Number(options.timeout))
  }
  const startMs = performance.now()
  try {
    await digest(files)
    if (options.out !== undefined) await save(options.out)
  } catch (error) {
    if (!signal.aborted) throw error
    // Jobs that were told still run to their next look; the rows are read when all is quiet.
    await pool.close()
  }
  report(startMs)
} finally {
  clearTimeout(timer)
  await pool.close()
  if (made !== undefined) await rm(made, { recursive: true })
  // Somebody may still hold its other end.
  process.stdin.destroy()
}
