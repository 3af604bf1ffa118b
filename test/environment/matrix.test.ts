/**
 * Every entry of the package, as shipped, on both backends, in whatever environment: globals that are mocked, replaced or
 * gone, prototypes that have more than they should or are frozen, stacks that cannot be made. All give what they give in
 * a plain one.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { backends } from '../conformance/backends.js'
import { ENVIRONMENTS } from './environments.js'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const PRELOAD = new URL('./preload.js', import.meta.url).href
const USABLE = backends.filter(({ missing }) => missing === undefined).map(({ name }) => name)
const SHA256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
/** A child that hangs: this test is about nothing else. */
const TIMEOUT_MS = 120_000

const folder = mkdtempSync(join(tmpdir(), 'uring-matrix-'))
after(() => rmSync(folder, { recursive: true }))
const abc = join(folder, 'abc')
writeFileSync(abc, 'abc')
writeFileSync(join(folder, 'sums'), `${SHA256}  ${abc}\n`)

interface Outcome {
  readonly status: number | string | null
  readonly stdout: string
  readonly stderr: string
}

/** As many children at once as there are processors: each is three threads or more. */
const lanes = Array.from({ length: availableParallelism() }, () => Promise.resolve())

function run(name: string, args: readonly string[]): Promise<Outcome> {
  const lane = lanes.shift()!
  const outcome = lane.then(() => start(name, args))
  lanes.push(outcome.then(() => {}))
  return outcome
}

function start(name: string, args: readonly string[]): Promise<Outcome> {
  const { flags = [], when } = ENVIRONMENTS[name]!
  const preload = when === 'before' && flags.length === 0 ? ['--import', PRELOAD] : []
  const all = ['--no-warnings', ...flags, ...preload, ...args]
  const env = { ...process.env, TEST_ENVIRONMENT: name, TEST_BACKENDS: USABLE.join() }
  return new Promise((resolve) => {
    execFile(process.execPath, all, { encoding: 'utf8', env, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : (error.code ?? error.signal ?? null), stdout, stderr })
    })
  })
}

const useEntries = (name: string) => run(name, [here('./entries.child.js')])

const PLAIN = 'as it is'
const plain = useEntries(PLAIN)

test('in a plain environment every entry gives what it should', async () => {
  const { status, stdout, stderr } = await plain
  assert.equal(status, 0, stderr)
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as [entry: string, outcome: unknown])
  const outcomes = Object.fromEntries(lines)
  const ring = [
    16,
    16,
    'what was written',
    16,
    2 << 20,
    'ENOENT',
    'ERR_OUT_OF_RANGE',
    'ERR_INVALID_ARG_VALUE',
    'ABORT_ERR',
    300,
    0,
  ]
  for (const backend of USABLE) {
    assert.deepEqual(outcomes[`uring ${backend}`], ring)
    assert.deepEqual(outcomes[`uring/ring ${backend}`], [2, 0, 'EBADF'])
  }
  assert.deepEqual(outcomes['uring/pool'], [
    3,
    true,
    5 << 20,
    7,
    8,
    { a: 1 },
    [true, 'bad', 'E_TEST', 'why', { deep: 1 }],
    'ERR_URING_NO_SUCH_JOB',
    'ERR_INVALID_ARG_VALUE',
    'ERR_URING_TIMEOUT',
    'aborted',
    [0, 1, 2],
    40,
    [1, 2, 3],
    [2, 4, 6],
    { request: 1 },
    42,
    4,
  ])
  assert.equal(outcomes['uring/pool/nodes'], 3)
  assert.deepEqual(outcomes['uring/pool/keys'], [0, 1, 2, 3])
  assert.deepEqual(outcomes['close'], [0, 0])
  assert.equal(lines.length, 2 * USABLE.length + 4)
})

const COMMAND = here('../../lib/uring.js')
const missing = join(folder, 'missing')

for (const [name, { when, noCommand }] of Object.entries(ENVIRONMENTS)) {
  const outcome = name === PLAIN ? plain : useEntries(name)
  if (name !== PLAIN) {
    test(`every entry: ${name}`, async () => {
      const { status, stdout, stderr } = await outcome
      assert.equal(stdout, (await plain).stdout, stderr)
      assert.equal(status, 0, stderr)
    })
  }
  if (when === 'after' || noCommand !== undefined) continue
  const sums = USABLE.map((backend) => run(name, [COMMAND, 'sum', '--backend', backend, abc, missing]))
  const checked = run(name, [COMMAND, 'sum', '--check', join(folder, 'sums')])
  test(`the command: ${name}`, async () => {
    for (const { status, stdout, stderr } of await Promise.all(sums)) {
      assert.equal(stdout, `${SHA256}  ${abc}\n`, stderr)
      assert.match(stderr, /missing: No such file or directory/i)
      assert.equal(status, 1)
    }
    const { status, stdout, stderr } = await checked
    assert.equal(stdout, `${abc}: OK\n`, stderr)
    assert.equal(status, 0)
  })
}
