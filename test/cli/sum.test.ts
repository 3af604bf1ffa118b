/**
 * `uring sum` against sha256sum and find, on trees made to be difficult, on every backend. Main thread.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { BACKENDS } from './backends.js'
import { bytePath, coreutilsSums, makeHostileTree, shell, sorted, temporaryDirectory, uring } from './hostile-tree.js'

const temporary = temporaryDirectory()
const tree = join(temporary.path, 'tree')
process.on('exit', () => temporary[Symbol.dispose]())
before(() => makeHostileTree(tree))

for (const { name: backend, skip } of BACKENDS) {
  test(`${backend}: a tree of hostile names gives what sha256sum gives`, { skip }, () => {
    const { stdout, stderr, status } = uring(['sum', tree, '--backend', backend])
    assert.equal(stderr, '')
    assert.equal(status, 0)
    assert.deepEqual(sorted(stdout), sorted(coreutilsSums(tree)))
  })

  test(`${backend}: node_modules gives what sha256sum gives`, { skip }, () => {
    const root = dirname(dirname(fileURLToPath(import.meta.resolve('commander'))))
    const { stdout, stderr, status } = uring(['sum', root, '--backend', backend])
    assert.equal(stderr, '')
    assert.equal(status, 0)
    assert.deepEqual(sorted(stdout), sorted(coreutilsSums(root)))
  })

  test(`${backend}: a large file is summed in bounded memory`, { skip }, () => {
    const path = join(temporary.path, `large-${backend}`)
    writeFileSync(path, '')
    truncateSync(path, 768 * 1024 * 1024)
    const { stdout, stderr } = shell('/usr/bin/env time -f %M "$@" || "$@"', [
      process.execPath,
      fileURLToPath(new URL('../../lib/uring.js', import.meta.url)),
      ...['sum', path, path, path, '--backend', backend, '--algo', 'sha1'],
    ])
    assert.equal(stdout, coreutilsSums(path, 'sha1sum').repeat(3))
    const [, kib] = /^(\d+)$/m.exec(stderr) ?? []
    // Where there is no time(1) the figure is missing, the sum is not.
    if (kib !== undefined) assert.ok(Number(kib) < 300 * 1024, `${kib} KiB resident`)
  })

  test(`${backend}: standard input is summed as -`, { skip }, () => {
    const input = Buffer.alloc(3_000_001, 'some input')
    const expected = shell('sha256sum', [], { input }).stdout
    assert.equal(uring(['sum', '-', '--backend', backend], { input }).stdout, expected)
    assert.equal(uring(['sum', '-', '--backend', backend], { input: '' }).stdout, shell('sha256sum < /dev/null').stdout)
    const piped = shell('(echo a; sleep 0.1; echo b) | "$@"', [
      process.execPath,
      mainPath(),
      'sum',
      '-',
      '--backend',
      backend,
    ])
    assert.equal(piped.stdout, shell('(echo a; echo b) | sha256sum').stdout)
  })
}

function mainPath(): string {
  return fileURLToPath(new URL('../../lib/uring.js', import.meta.url))
}

for (const [algo, command] of Object.entries({
  sha1: 'sha1sum',
  sha512: 'sha512sum',
  blake2b512: 'b2sum',
  md5: 'md5sum',
})) {
  test(`--algo ${algo} gives what ${command} gives`, () => {
    const { stdout } = uring(['sum', '--algo', algo, tree])
    assert.deepEqual(sorted(stdout), sorted(coreutilsSums(tree, command)))
  })
}

test('the order of the output is that of names, at every level, whatever finishes first', () => {
  const root = join(temporary.path, 'ordered')
  mkdirSync(join(root, 'b'), { recursive: true })
  for (const name of ['a', 'b/x', 'b/y', 'b.', 'c']) writeFileSync(join(root, name), name)
  writeFileSync(join(root, 'b/large'), Buffer.alloc(5_000_000))
  const { stdout } = uring(['sum', 'ordered'], { cwd: temporary.path })
  const names = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.slice(66))
  assert.deepEqual(
    names,
    ['a', 'b/large', 'b/x', 'b/y', 'b.', 'c'].map((name) => `ordered/${name}`),
  )
  assert.equal(uring(['sum', tree, '--jobs', '1']).stdout, uring(['sum', tree, '--jobs', '7']).stdout)
})

test('a path is printed as it was given, with one slash before the names below it', () => {
  const root = join(temporary.path, 'given')
  mkdirSync(join(root, 'sub'), { recursive: true })
  writeFileSync(join(root, 'sub/file'), '')
  symlinkSync('sub', join(root, 'link'))
  symlinkSync('sub/file', join(root, 'filelink'))
  for (const path of [
    '.',
    './',
    'sub',
    'sub/',
    'sub//',
    './/sub/.',
    'sub/file',
    'link',
    'link/',
    'filelink',
    '../given',
  ]) {
    const { stdout, stderr } = uring(['sum', '--', path], { cwd: root })
    assert.equal(stderr, '')
    assert.deepEqual(sorted(stdout), sorted(coreutilsSums(path, 'sha256sum', root)), path)
  }
})

test('without a path the current directory is summed, as by find', () => {
  const cwd = join(tree, 'many')
  assert.deepEqual(sorted(uring(['sum'], { cwd }).stdout), sorted(coreutilsSums('.', 'sha256sum', cwd)))
})

test('a path whose bytes are not UTF-8 can be given', () => {
  const root = join(temporary.path, 'bytes')
  mkdirSync(root)
  for (const name of ['\xfe', '\xff', 'caf\xe9']) writeFileSync(bytePath(root, name), name)
  const script = "\"$1\" \"$2\" sum $'\\xff' $'\\xfe' $'caf\\xe9'"
  const { stdout, stderr } = shell(script, [process.execPath, mainPath()], { cwd: root })
  assert.equal(stderr, '')
  assert.equal(stdout, shell("sha256sum $'\\xff' $'\\xfe' $'caf\\xe9'", [], { cwd: root }).stdout)
})

/** Root alone may read this one, and only by whole words of 8 bytes. */
const BY_WORDS = '/proc/kpagecgroup'

test('files whose size is a lie are summed to their end', () => {
  const paths = ['/proc/version', '/proc/cpuinfo', '/proc/filesystems', '/sys/kernel/mm/transparent_hugepage/enabled']
  if (process.getuid?.() === 0 && existsSync(BY_WORDS)) assert.equal(uring(['sum', BY_WORDS]).status, 0)
  const script = 'for p in "$@"; do [ -r "$p" ] && echo "$p"; done'
  const present = shell(script, paths).stdout.trim().split('\n')
  // What changes from one look to the next cannot be compared.
  const stable = present.filter((path) => path !== '/proc/cpuinfo')
  assert.equal(uring(['sum', ...stable]).stdout, shell('sha256sum "$@"', stable).stdout)
})
