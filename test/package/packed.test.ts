/**
 * The package as a stranger gets it: packed, unpacked into an empty folder, and the README's first programs run there as
 * they stand. Main thread; each program is a process.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { BACKENDS } from '../cli/backends.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'uring-packed-'))
const modules = join(folder, 'node_modules')
const packed = join(modules, 'uring')
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest

interface Manifest {
  readonly dependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
  readonly exports: Record<string, string | { readonly types: string; readonly default: string }>
}

function run(command: string, args: readonly string[], cwd = folder) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 60_000 })
  assert.equal(error, undefined)
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`)
  return stdout
}

before(() => {
  // As `npm install` would lay it out, without asking a registry: the packages that it needs are those of this checkout.
  run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], ROOT)
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!
  mkdirSync(packed, { recursive: true })
  run('tar', ['-xzf', tarball, '--strip-components=1', '-C', packed])
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    const installed = join(ROOT, 'node_modules', name)
    if (existsSync(installed)) symlinkSync(installed, join(modules, name))
  }
})
after(() => rmSync(folder, { recursive: true, force: true }))

test('the first programs of the README run in an empty folder', () => {
  const named = [...readme.matchAll(/^```js\n\/\/ (\S+\.mjs)\n[\s\S]*?^```$/gm)]
  for (const [block, name] of named) writeFileSync(join(folder, name!), block!.split('\n').slice(1, -1).join('\n'))
  assert.deepEqual(named.map(([, name]) => name).sort(), ['files.mjs', 'hash.mjs', 'jobs.mjs'])
  assert.match(run(process.execPath, ['files.mjs']), /^(kernel|threads) .*\n\d+ /)
  assert.equal(
    run(process.execPath, ['hash.mjs']),
    '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n',
  )
})

test('the commands of the README’s first screen run there too', () => {
  const first = readme.slice(0, readme.indexOf('## When not to use it'))
  const commands = [...first.matchAll(/^npx uring (.*?)(?: #.*)?$/gm)].map(([, rest]) => rest!)
  assert.equal(commands.length, 3)
  const bin = join(packed, 'dist/lib/uring.js')
  for (const command of commands) run('sh', ['-c', `"$0" "$1" ${command}`, process.execPath, bin])
})

test('no command of the first screen works in a clone alone', () => {
  const first = readme.slice(0, readme.indexOf('## Working on uring'))
  assert.doesNotMatch(first, /\bnpm (start|test|run)\b(?! bench)|\bdist\//)
})

test('every entry can be imported, and has its types', () => {
  const names = Object.keys(manifest.exports).filter((name) => name !== './package.json')
  const imports = names.map((name) => `await import(${JSON.stringify(name.replace(/^\./, 'uring'))})`)
  run(process.execPath, ['--input-type=module', '-e', imports.join('\n')])
  for (const name of names) {
    const entry = manifest.exports[name]
    assert.ok(typeof entry === 'object' && existsSync(join(packed, entry.types)), name)
  }
})

test('links of the docs lead to files of the package', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', 'examples/README.md'].concat(
    readdirSync(join(packed, 'docs')).map((name) => `docs/${name}`),
  )
  const dead: string[] = []
  for (const page of pages) {
    for (const [, target] of readFileSync(join(packed, page), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      if (!existsSync(join(packed, page, '..', target!))) dead.push(`${page}: ${target}`)
    }
  }
  assert.deepEqual(dead, [])
})

test('the compiled examples run where the package is installed', () => {
  const main = join(packed, 'dist/examples/log-digest/main.js')
  assert.match(run(process.execPath, [main, '--make', '0.2']), /^\d+ lines, \d+ hosts, \d+ sessions; /)
})

/** Two copies of the package on one thread: rings, pools, jobs and shared keys of either, and what one gives the other. */
const TWO = `
import assert from 'node:assert/strict'
import { writeFileSync, readFileSync } from 'node:fs'
const all = (at) => Promise.all(['', '/ring', '/pool', '/pool/keys', '/pool/job', '/fs'].map((entry) => import(at + entry)))
const [a, b] = [await all('uring'), await all('another')]
assert.notEqual(a[0].Uring, b[0].Uring)
for (const backend of process.argv.slice(2)) {
  const rings = await Promise.all([a, b].map(([{ Uring }]) => Uring.open({ backend })))
  const bare = await Promise.all([a, b].map(async ([, ring]) => ring.queueInit(await ring.loadSyscalls(backend), 8)))
  for (const ring of bare) assert.equal(ring.submitAndWait(0), 0)
  const fds = await Promise.all(rings.map((ring) => ring.openat('text', 'r')))
  const buffers = [new Uint8Array(4), new Uint8Array(4)]
  // Each reads what the other opened.
  await Promise.all(rings.map((ring, i) => ring.read(fds[1 - i], buffers[i])))
  assert.deepEqual(buffers.map(String), ['102,105,114,115', '102,105,114,115'])
  await Promise.all(rings.map((ring, i) => ring.close(fds[i])))
  for (const ring of bare) ring.queueExit()
  await Promise.all(rings.map((ring) => ring.close()))
}
const [keysOfA] = [new a[3].SharedKeys()]
const pools = [a, b].map(([, , { Pool }]) => new Pool(new URL('./two-jobs.mjs', import.meta.url), { maxWorkers: 1, keys: keysOfA }))
const log = new Int32Array(new SharedArrayBuffer(4))
const controller = new AbortController()
for (const pool of pools) {
  const progress = []
  assert.deepEqual(await pool.run('both', ['x'], { onProgress: (value) => progress.push(value) }), [true, true])
  assert.deepEqual(progress, ['of uring', 'of another'])
}
await Promise.all(pools.flatMap((pool) => [1, 2, 3, 4].map(() => pool.run('alone', [log], { key: 'k', signal: controller.signal }))))
await Promise.all(pools.map((pool) => pool.close()))
`
const TWO_JOBS = `
import * as one from 'uring/pool/job'
import * as two from 'another/pool/job'
export function both() {
  one.reportProgress('of uring')
  two.reportProgress('of another')
  return [one.currentSignal() !== undefined, one.currentSignal() === two.currentSignal()]
}
export function alone(log) {
  if (Atomics.exchange(log, 0, 1) !== 0) throw new Error('two at once')
  for (let i = 0; i < 1e6; i++);
  Atomics.store(log, 0, 0)
}
`

test('two installations work side by side on one thread', () => {
  const another = join(modules, 'another')
  cpSync(packed, another, { recursive: true })
  const renamed = JSON.parse(readFileSync(join(another, 'package.json'), 'utf8')) as Record<string, unknown>
  writeFileSync(join(another, 'package.json'), JSON.stringify({ ...renamed, name: 'another' }))
  writeFileSync(join(folder, 'two.mjs'), TWO)
  writeFileSync(join(folder, 'two-jobs.mjs'), TWO_JOBS)
  writeFileSync(join(folder, 'text'), 'first second')
  const backends = BACKENDS.filter(({ skip }) => skip === false).map(({ name }) => name)
  run(process.execPath, ['two.mjs', ...backends])
})
