/**
 * The benches: each runs to its end and says what it promised to say, with rivals and without. Main thread.
 *
 * Sizes are tiny, so the figures mean nothing here; that they are computed rightly is shown on rounds made by hand.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import module from 'node:module'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Bench, Plan } from '../bench/bench.js'
import type { Report } from '../bench/report.js'
import { runBench } from '../bench/rounds.js'
import { backends } from './conformance/backends.js'

const RUN = fileURLToPath(new URL('../bench/run.js', import.meta.url))
const OURS = ['uring/kernel/raw', 'uring/threads/raw']
const PROMISES = ['uring/kernel/promises', 'uring/threads/promises']
const POOLS = ['uring', 'piscina', 'piscina/tuned', 'tinypool', 'workerpool', 'poolifier']
/** Those that take a second for one operation, or a process, and those that burst. */
const SLOW = new Set(['job-cancel', 'job-scale', 'log-digest'])
const ECHOES = ['uring/kernel/raw', 'uring/kernel/loop', 'net.Server']
const SCALES = [...POOLS, 'promises'].flatMap((pool) => [`${pool} 1k`, `${pool} 10k`])

const LATE = ['uring/threads', 'uring/threads/unbounded', 'fs.FileHandle.read', 'nothing']

/** Which subjects may stand in a row, and which must. */
const SUBJECTS: Readonly<Record<string, { all: readonly string[]; always: readonly string[] }>> = {
  'nop-depth': { all: [...OURS, 'c/liburing'], always: ['uring/threads/raw'] },
  'read-4k': {
    all: [...OURS, ...PROMISES, 'fs.FileHandle.read', 'fs.read', 'fs.readSync', 'fio/io_uring'],
    always: ['uring/threads/raw', 'uring/threads/promises', 'fs.FileHandle.read', 'fs.read', 'fs.readSync'],
  },
  'echo-tcp': { all: ECHOES, always: ECHOES },
  'job-noop': { all: POOLS, always: POOLS },
  'job-keyed': {
    all: ['uring/keyed', 'uring/unkeyed', 'piscina/chains', 'piscina/unkeyed'],
    always: ['uring/keyed', 'uring/unkeyed', 'piscina/chains', 'piscina/unkeyed'],
  },
  'job-scale': { all: SCALES, always: SCALES },
  'job-payload': { all: POOLS, always: POOLS },
  'job-cancel': {
    all: ['uring', 'piscina', 'tinypool', 'workerpool'],
    always: ['uring', 'piscina', 'tinypool', 'workerpool'],
  },
  'idle-exit': {
    all: ['uring/pool', 'uring/threads', 'uring/kernel', ...POOLS.slice(1)],
    always: ['uring/pool', 'uring/threads', 'piscina', 'tinypool', 'workerpool'],
  },
  'thread-start': {
    all: ['Worker', 'uring/pool', 'tinypool', 'piscina'],
    always: ['Worker', 'uring/pool', 'tinypool', 'piscina'],
  },
  'sum-tree': {
    all: ['uring/kernel/sum', 'uring/threads/sum', 'fs+piscina', 'sha256sum'],
    always: ['uring/threads/sum', 'fs+piscina'],
  },
  'log-digest': { all: ['uring', 'loop'], always: ['uring', 'loop'] },
  'timer-lateness': {
    all: [...LATE, 'uring/kernel', 'uring/kernel/unbounded'],
    always: LATE,
  },
  'cold-start': {
    all: ['node', 'fs.readFileSync', 'fs/promises', 'uring/kernel', 'uring/threads'],
    always: ['node', 'fs.readFileSync', 'fs/promises', 'uring/threads'],
  },
  wakeup: {
    all: ['uring/eventfd', 'MessagePort', 'Atomics.waitAsync'],
    always: ['uring/eventfd', 'MessagePort'],
  },
}

const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  'nop-depth': ['depth=1', 'depth=32', 'depth=256'],
  'read-4k': ['depth=1', 'depth=32', 'depth=128'],
  'echo-tcp': ['connections=64'],
  'job-noop': ['inflight=1', 'inflight=64'],
  'job-keyed': ['inflight=64', 'inflight=1024'],
  'job-scale': ['workers=1'],
  'job-payload': ['payload=1KiB', 'payload=64KiB', 'payload=1MiB', 'payload=object-50'],
  'job-cancel': ['job=queued', 'job=cooperative', 'job=busy', 'job=deaf'],
  'idle-exit': ['workers=2'],
  'thread-start': ['wall', 'cpu'],
  'sum-tree': ['tree=small'],
  'log-digest': ['log=1MB'],
  'cold-start': ['file=small'],
  'timer-lateness': ['beside=timer', 'beside=echo'],
  wakeup: ['inflight=1'],
}

/** The load generator of echo-tcp is a ring of the kernel's, for every server. */
const noKernel = backends.find(({ name }) => name === 'kernel')!.missing ?? false

for (const [name, { all, always }] of Object.entries(SUBJECTS)) {
  const skip = name === 'echo-tcp' && noKernel
  test(`${name} prints its report as JSON and nothing else`, { skip }, async () => {
    const { code, stdout, stderr } = await bench([name, '--quick', '--json', ...(SLOW.has(name) ? ['--rounds=1'] : [])])
    assert.equal(code, 0, stderr)
    assert.equal(stdout.indexOf('\n'), stdout.length - 1)
    const report = JSON.parse(stdout) as Report
    checkSchema(report, name)
    for (const setting of SETTINGS[name]!) {
      const subjects = report.rows.filter((row) => row.setting === setting).map(({ subject }) => subject)
      for (const subject of always) assert.ok(subjects.includes(subject), `${setting} ${subject}: ${stderr}`)
      for (const subject of subjects) assert.ok(all.includes(subject), subject)
    }
    assert.deepEqual(new Set(report.rows.map(({ setting }) => setting)), new Set(SETTINGS[name]))
  })
}

test('a rival that is not installed is named, and the rest goes on', async () => {
  const { code, stdout, stderr } = await bench(['nop-depth', 'read-4k', 'sum-tree', '--quick', '--json'], { PATH: '' })
  assert.equal(code, 0, stderr)
  for (const line of stdout.trimEnd().split('\n')) {
    const { bench: name, rows } = JSON.parse(line) as Report
    const missing = { 'nop-depth': 'c/liburing', 'read-4k': 'fio/io_uring', 'sum-tree': 'sha256sum' }[name]!
    assert.ok(stderr.includes(`${name}: ${missing} is left out: `), stderr)
    assert.ok(rows.length > 0 && rows.every(({ subject }) => subject !== missing))
  }
})

const register = 'register' in module ? false : 'this Node has no module.register'

test('a rival package that cannot be loaded is named, and the rest goes on', { skip: register }, async () => {
  const hook = `export const resolve = (s, c, next) => s === 'tinypool' ? Promise.reject(Error('gone')) : next(s, c)`
  const data = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`
  const preload = data(`import { register } from 'node:module'; register(${JSON.stringify(data(hook))})`)
  const args = ['job-noop', '--quick', '--json']
  const { code, stdout, stderr } = await bench(args, { NODE_OPTIONS: `--import=${preload}` })
  assert.equal(code, 0, stderr)
  assert.ok(stderr.includes('job-noop: tinypool is left out: gone'), stderr)
  const { rows, ratios } = JSON.parse(stdout) as Report
  assert.ok(rows.some(({ subject }) => subject === 'piscina'))
  assert.ok(ratios.every(({ to }) => to !== 'tinypool'))
})

test('without a name it lists the benches; a wrong one is an error', async () => {
  const { code, stdout } = await bench([])
  assert.equal(code, 0)
  for (const name of Object.keys(SUBJECTS)) assert.match(stdout, new RegExp(`^${name} .*\\?`, 'm'))
  const wrong = await bench(['nop', '--json'])
  assert.equal(wrong.code, 2)
  assert.equal(wrong.stdout, '')
  assert.match(wrong.stderr, /no bench is called nop/)
  assert.equal((await bench(['nop-depth', '--rounds=0'])).code, 2)
})

test('a bench without --json prints a table', async () => {
  const { code, stdout } = await bench(['wakeup', '--quick', '--rounds', '1'])
  assert.equal(code, 0)
  assert.match(stdout, /^inflight=1 +wake-ups\/s +p50 us +p99 us\n/m)
  assert.match(stdout, /^uring\/eventfd : MessagePort +\d+\.\d\d +\d+\.\d\d +\d+\.\d\d$/m)
})

test('rounds take turns; ratios are of rounds side by side', async () => {
  const order: string[] = []
  const subject = (name: string, rates: number[]) => ({
    name,
    async round() {
      order.push(name)
      const opsPerSec = rates.shift()!
      return { opsPerSec, p50Us: 1e6 / opsPerSec, p99Us: 2e6 / opsPerSec }
    },
    close: () => void order.push(`close ${name}`),
  })
  // The machine gets ten times slower on the way; the first of each is the warm-up.
  const subjects = [subject('a', [1, 200, 80, 30]), subject('b', [1, 100, 50, 10])]
  const fake: Bench = {
    question: '?',
    unit: 'ops',
    pairs: [
      ['a', 'b'],
      ['a', 'left out'],
    ],
    settings: async () => [{ name: 'x=1', open: async () => subjects }],
  }
  const { rows, ratios } = await runBench(fake, {} as Plan, 3, () => {})
  assert.deepEqual(order, ['a', 'b', 'b', 'a', 'a', 'b', 'b', 'a', 'close a', 'close b'])
  assert.deepEqual(rows, [
    { subject: 'a', setting: 'x=1', opsPerSec: 80, p50Us: 12500, p99Us: 25000 },
    { subject: 'b', setting: 'x=1', opsPerSec: 50, p50Us: 20000, p99Us: 40000 },
  ])
  assert.deepEqual(ratios, [{ of: 'a', to: 'b', setting: 'x=1', median: 2, min: 1.6, max: 3 }])
})

function checkSchema(report: Report, name: string): void {
  assert.deepEqual(Object.keys(report), ['bench', 'machine', 'rows', 'ratios'])
  assert.equal(report.bench, name)
  assert.deepEqual(Object.keys(report.machine), ['cpu', 'cores', 'node', 'kernel'])
  assert.equal(report.machine.node, process.version)
  for (const row of report.rows) {
    const fields = [
      'subject',
      'setting',
      'opsPerSec',
      'p50Us',
      'p99Us',
      ...(name === 'timer-lateness' ? ['maxUs'] : []),
      ...(name === 'job-scale' ? ['bytesPerOp'] : []),
    ]
    assert.deepEqual(Object.keys(row), fields)
    for (const figure of [row.opsPerSec, row.p50Us, row.p99Us]) {
      assert.ok(Number.isFinite(figure) && figure > 0, JSON.stringify(row))
    }
    // A collection now and then takes more than a small burst made.
    assert.ok(row.bytesPerOp === undefined || Number.isFinite(row.bytesPerOp))
    assert.ok(row.p50Us <= row.p99Us, JSON.stringify(row))
  }
  const subjects = new Set(report.rows.map(({ subject, setting }) => `${setting} ${subject}`))
  for (const ratio of report.ratios) {
    assert.deepEqual(Object.keys(ratio), ['of', 'to', 'setting', 'median', 'min', 'max'])
    assert.ok(subjects.has(`${ratio.setting} ${ratio.of}`) && subjects.has(`${ratio.setting} ${ratio.to}`))
    assert.ok(0 < ratio.min && ratio.min <= ratio.median && ratio.median <= ratio.max, JSON.stringify(ratio))
  }
}

function bench(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env } }
    execFile(process.execPath, [RUN, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
    })
  })
}
