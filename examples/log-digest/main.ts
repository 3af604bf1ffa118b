/**
 * log-digest [FILE…] [--out DIR] [--timeout MS] [--make MB] [--json]: hits, bytes and sessions of each host in access logs.
 * Main thread; the work is done in a Pool.
 *
 * Logs are taken in the order given (`-` is stdin); without any it makes some. Their parts are parsed in parallel, and
 * what each has found is added up in the order of the parts. With --out each network gets a file of its hosts, appended
 * and fsynced by unbounded jobs. ^C or --timeout cancels what is left, prints what was found until then, and exits with
 * 130 or 124.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Pool } from 'uring/pool'
import { HostTable } from './digest.js'
import { type PartArgs, partsOf } from './parts.js'
import { type Digest, digests, report } from './report.js'
import { writeSample } from './sample.js'

const THREADS = availableParallelism()
/** Parts that are parsed, or ahead of the one that is added next. */
const AHEAD = 2 * THREADS
const HOSTS_A_SAVE = 32
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

// Threads start now, while the logs are looked up.
const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), { minWorkers: THREADS })
const stop = new AbortController()
const { signal } = stop
const table = new HostTable()
let saved = 0

async function digest(paths: readonly string[]): Promise<void> {
  const parsing: Promise<void>[] = []
  /** What is found is added in the order of the parts, whichever is parsed first. */
  let before = Promise.resolve()
  for await (const part of partsOf(paths, signal)) {
    const mine = Promise.all([parse(part), before]).then(([found]) => table.addPart(found))
    mine.catch(() => {}) // it is awaited below, or there is no need to
    before = mine
    parsing.push(mine)
    if (parsing.length >= AHEAD) await parsing.shift()
  }
  await before
}

function parse(part: PartArgs) {
  if (part[0] === 'digestText') return pool.run('digestText', [part[1]], { signal })
  return pool.run('digestRange', [part[1], part[2], part[3]], { signal })
}

/** One file a network: its hosts some at a time, each time appended by a job with the file as its key. */
async function save(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const saving: Promise<void>[] = []
  for (const [network, hosts] of byNetwork(digests(table))) {
    const path = join(folder, `${encodeURIComponent(network)}.jsonl`)
    await rm(path, { force: true })
    for (let i = 0; i < hosts.length; i += HOSTS_A_SAVE) {
      const some = hosts.slice(i, i + HOSTS_A_SAVE)
      const lines = some.map((host) => `${JSON.stringify(host)}\n`).join('')
      const job = pool.run('save', [path, lines], { key: path, unbounded: true, signal })
      const counted = job.then(() => {
        saved += some.length
      })
      saving.push(counted)
    }
  }
  await Promise.all(saving)
}

/** Hosts by the first half of their address, or of their name. */
function byNetwork(hosts: readonly Digest[]): Map<string, Digest[]> {
  const networks = new Map<string, Digest[]>()
  for (const host of hosts) {
    const network = host.host.split('.').slice(0, 2).join('.')
    const others = networks.get(network)
    if (others === undefined) networks.set(network, [host])
    else others.push(host)
  }
  return networks
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
  }
  const { cancelled } = pool.stats()
  report(table, startMs, options.json, { saved, cancelled })
  if (!options.json && saved > 0) console.log(`${saved} hosts saved in ${options.out}`)
  if (!options.json && signal.aborted) console.log(`stopped: ${String(signal.reason)}; ${cancelled} jobs never ran`)
} finally {
  clearTimeout(timer)
  await pool.close()
  if (made !== undefined) await rm(made, { recursive: true })
  // Somebody may still hold its other end.
  process.stdin.destroy()
}
