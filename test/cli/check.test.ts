/**
 * `uring sum --check` against `sha256sum --check`: the same lists, the same words, the same status. Main thread.
 */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { bytePath, coreutilsSums, makeHostileTree, shell, temporaryDirectory, uring } from './hostile-tree.js'

const temporary = temporaryDirectory()
const tree = join(temporary.path, 'tree')
const list = join(temporary.path, 'list')
process.on('exit', () => temporary[Symbol.dispose]())
before(() => makeHostileTree(tree))

/** Checks a list with both, and expects the same of both; stderr up to the name of the program. */
function compare(text: string | Buffer, cwd: string): void {
  writeFileSync(list, text)
  const expected = shell('sha256sum --check "$1"', [list], { cwd })
  const found = uring(['sum', '--check', list], { cwd })
  assert.equal(found.stdout, expected.stdout)
  assert.equal(found.stderr, expected.stderr.replace(/^sha256sum: /gm, 'uring: '))
  assert.equal(found.status, expected.status)
}

test('a list of a hostile tree checks, its own and that of sha256sum', () => {
  const own = uring(['sum', 'tree'], { cwd: temporary.path }).stdout
  compare(Buffer.from(own, 'latin1'), temporary.path)
  const theirs = coreutilsSums('tree', 'sha256sum', temporary.path)
  compare(Buffer.from(theirs, 'latin1'), temporary.path)
  assert.equal(
    shell('sha256sum --check --quiet', [], { cwd: temporary.path, input: Buffer.from(own, 'latin1') }).stdout,
    '',
  )
})

test('changed, missing and unreadable files are told as sha256sum tells them', () => {
  const root = join(temporary.path, 'changed')
  mkdirSync(root)
  const names = ['same', 'changed', 'missing', 'new\nline', 'gone\nline', 'a b', 'directory']
  for (const name of names) writeFileSync(bytePath(root, name), name)
  const sums = coreutilsSums('.', 'sha256sum', root)
  writeFileSync(join(root, 'changed'), 'something else')
  for (const name of ['missing', 'gone\nline', 'a b', 'directory']) rmSync(join(root, name))
  mkdirSync(join(root, 'directory'))
  compare(sums, root)
  compare(`${sums.split('\n')[0]}\n`, root)
})

test('lines of every format, and of none, are read as sha256sum reads them', () => {
  const root = join(temporary.path, 'formats')
  mkdirSync(root)
  for (const name of ['a', 'b', ' c', '*d', 'e) = f', 'g\\h', 'i\nj', 'k\rl', 'm '])
    writeFileSync(join(root, name), 'x')
  const sum = shell('printf x | sha256sum').stdout.slice(0, 64)
  const tag = (name: string) => `SHA256 (${name}) = ${sum}`
  const lists = [
    [`${sum}  a`, `${sum} *b`, `${sum}   c`, `${sum} **d`, `${sum}  m `, `\\${sum}  g\\\\h`, `\\${sum}  i\\nj`],
    [`${sum} a`, `${sum} b`, `${sum}  c`],
    [`${sum}  a`, `${sum} b`],
    [`${sum} b`, `${sum}  a`, `${sum} *d`],
    [tag('a'), tag('e) = f'), `\\${tag('g\\\\h')}`, `\\${tag('i\\nj')}`, `SHA256(a)= ${sum}`, `SHA256 (a)=${sum}`],
    [`SHA1 (a) = ${sum}`, `SHA256  (a) = ${sum}`, `SHA256 (a) ${sum}`, `SHA256 a = ${sum}`],
    [`  \t${sum}  a`, `# ${sum}  a`, '', sum, `${sum} `, `${sum}  `, `${sum.slice(1)}  a`, `${sum}0  a`, `${sum}\ta`],
    [`${sum.toUpperCase()}  a`, `\\${sum}  bad\\escape`, `\\${sum}  trailing\\`, `\\${sum}  k\\rl`, `${sum}  k\rl`],
    [`${sum}  a\r`, `\r`, `${sum}  nul\0name`, 'nonsense'],
    ['nonsense'],
    [],
  ]
  for (const lines of lists) {
    compare(lines.map((line) => `${line}\n`).join(''), root)
    compare(lines.join('\n'), root)
  }
})

test('a list comes from standard input, and several lists are checked one after the other', () => {
  const cwd = temporary.path
  const sums = shell('sha256sum tree/plain tree/empty', [], { cwd }).stdout
  const own = uring(['sum', '--check', '-'], { cwd, input: sums })
  assert.equal(own.stdout, 'tree/plain: OK\ntree/empty: OK\n')
  assert.equal(own.status, 0)
  assert.match(uring(['sum', '--check', '-'], { cwd, input: '' }).stderr, /^uring: 'standard input': no properly/)
  writeFileSync(list, sums)
  const two = uring(['sum', '--check', list, 'no such list', list], { cwd })
  assert.equal(two.stdout, own.stdout.repeat(2))
  assert.equal(two.stderr, "uring: 'no such list': No such file or directory\n")
  assert.equal(two.status, 1)
})

test('other algorithms check their own lists, and no others', () => {
  const cwd = temporary.path
  for (const [algo, command] of [
    ['sha1', 'sha1sum'],
    ['blake2b512', 'b2sum'],
    ['md5', 'md5sum'],
  ] as const) {
    for (const how of ['', '--tag']) {
      const input = shell(`${command} ${how} tree/plain`, [], { cwd }).stdout
      const { stdout, stderr } = uring(['sum', '--algo', algo, '--check', '-'], { cwd, input })
      assert.equal(`${stdout}${stderr}`, 'tree/plain: OK\n')
      assert.equal(uring(['sum', '--check', '-'], { cwd, input }).status, 1)
    }
  }
})

test('--json tells the verdict of each file', () => {
  const cwd = temporary.path
  const sum = shell('sha256sum tree/plain', [], { cwd }).stdout
  const input = `${sum}${'0'.repeat(64)}  tree/plain\n${'0'.repeat(64)}  nowhere\n`
  const { stdout, status } = uring(['sum', '--json', '--check', '-'], { cwd, input })
  const [ok, failed, missing] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(ok, { path: 'tree/plain', algo: 'sha256', digest: sum.slice(0, 64), size: 9, ok: true })
  assert.equal(failed!['ok'], false)
  assert.deepEqual(missing, { path: 'nowhere', error: 'No such file or directory', code: 'ENOENT', ok: false })
  assert.equal(status, 1)
})
