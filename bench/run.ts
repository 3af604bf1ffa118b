/**
 * `npm run bench -- NAME… [--json] [--quick] [--rounds N] [--tree PATH]`: runs benches; without a name it lists them.
 * Main thread.
 *
 * With --json stdout has one line of JSON a bench and nothing else; what could not run, and progress, go to stderr.
 */
import { parseArgs } from 'node:util'
import type { Bench, Plan } from './bench.js'
import { machine, type Report, toJson, toTable } from './report.js'
import { runBench } from './rounds.js'

// One after the other and only when asked for: a bench loads its rivals.
const BENCHES: Readonly<Record<string, () => Promise<{ bench: Bench }>>> = {
  'nop-depth': () => import('./nop-depth.js'),
  'read-4k': () => import('./read-4k.js'),
  fs: () => import('./fs.js'),
  'echo-tcp': () => import('./echo-tcp.js'),
  'job-noop': () => import('./job-noop.js'),
  'job-keyed': () => import('./job-keyed.js'),
  'job-scale': () => import('./job-scale.js'),
  'job-payload': () => import('./job-payload.js'),
  'job-cancel': () => import('./job-cancel.js'),
  'thread-start': () => import('./thread-start.js'),
  'idle-exit': () => import('./idle-exit.js'),
  'sum-tree': () => import('./sum-tree.js'),
  'log-digest': () => import('./log-digest.js'),
  wakeup: () => import('./wakeup.js'),
  'timer-lateness': () => import('./timer-lateness.js'),
  'cold-start': () => import('./cold-start.js'),
}

const USAGE = 'npm run bench -- NAME… [--json] [--quick] [--rounds N] [--tree PATH]…'
const ROUNDS = 9
const ROUND_MS = 300
const QUICK_ROUNDS = 2
const QUICK_ROUND_MS = 10

async function main(): Promise<void> {
  const { values, positionals: names } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      tree: { type: 'string', multiple: true, default: [] },
    },
  })
  if (names.length === 0) return list()
  const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name))
  if (unknown.length > 0) throw new UsageError(`no bench is called ${unknown.join(', ')}`)
  const nrRounds = Number(values.rounds ?? (values.quick ? QUICK_ROUNDS : ROUNDS))
  if (!Number.isInteger(nrRounds) || nrRounds < 1) throw new UsageError('--rounds takes a whole number from 1 on')
  for (const name of names) {
    const { bench } = await BENCHES[name]!()
    const report = await run(name, bench, values.quick, nrRounds, values.tree)
    console.log(values.json ? toJson(report) : `${toTable(report, bench.question, bench.unit)}\n`)
  }
}

async function list(): Promise<void> {
  console.log(`${USAGE}\n`)
  for (const [name, load] of Object.entries(BENCHES)) console.log(`${name.padEnd(12)} ${(await load()).bench.question}`)
}

async function run(
  name: string,
  bench: Bench,
  isQuick: boolean,
  nrRounds: number,
  trees: readonly string[],
): Promise<Report> {
  const leftOut = new Set<string>()
  const plan: Plan = {
    isQuick,
    roundMs: isQuick ? QUICK_ROUND_MS : ROUND_MS,
    trees,
    leaveOut(subject, reason) {
      if (leftOut.has(subject)) return
      leftOut.add(subject)
      console.error(`${name}: ${subject} is left out: ${reason}`)
    },
    defer: (cleanup) => cleanups.push(cleanup),
  }
  try {
    const figures = await runBench(bench, plan, nrRounds, (what) => progress(`${name} ${what}`))
    return { bench: name, machine: machine(), ...figures }
  } finally {
    progress('')
    cleanUp()
  }
}

/** What has to be done even if somebody presses ^C. */
const cleanups: (() => void)[] = []

function cleanUp(): void {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) cleanup()
}

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  // At once: rounds would go on meanwhile, with their files closed.
  process.once(signal, () => {
    cleanUp()
    process.exit(status)
  })
}

/** On a terminal, one line that is written over. */
function progress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`)
}

class UsageError extends Error {}

try {
  await main()
} catch (error) {
  const isUsage = error instanceof UsageError || String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS')
  console.error(isUsage ? `bench: ${(error as Error).message}\n${USAGE}` : error)
  process.exitCode = isUsage ? 2 : 1
}
