/**
 * `uring sum --check` against `sha256sum --check`: the same lists, the same words, the same status. Main thread.
 */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { CheckParser, checkLine } from '../../src/cli/sum-format.js'
import { Prng } from '../model/prng.js'
import { drawSeed } from '../seed.js'
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

test('generated lists are read as sha256sum reads them, whatever their first line is', () => {
  const { seed } = drawSeed()
  const random = new Prng(seed)
  const sum = 'ab'.repeat(32)
  const parts = [
    sum,
    sum,
    sum.slice(2),
    ' ',
    ' ',
    '  ',
    ' *',
    '\t',
    '\\',
    '#',
    'SHA256 (',
    ') = ',
    'n',
    'name',
    '\r',
    '',
  ]
  for (let run = 0; run < 150; run++) {
    const text = Array.from({ length: 1 + random.int(4) }, () => {
      const begin = random.pick(['', '', '', ' ', '\\', 'SHA256 (', '#'])
      const rest = Array.from({ length: random.int(4) }, () => random.pick(parts)).join('')
      return `${begin}${random.pick([sum, sum, sum, ''])}${random.pick([' ', '  ', ' *', '\t', ''])}${rest}\n`
    }).join('')
    // No file is there, so that each line that is properly formatted is told by its name.
    const found = shell('sha256sum --check "$1" 2>&1', [writeList(text)], { cwd: temporary.path }).stdout
    const parser = new CheckParser('sha256')
    const names = text.split('\n').map((line) => line.replace(/\r$/, ''))
    const entries = names.flatMap((line) => (line === '' || line.startsWith('#') ? [] : [parser.parse(line)]))
    const proper = entries
      .filter((entry) => entry !== undefined)
      .map(({ name }) => checkLine(name, 'FAILED open or read'))
    const report = found.split('\n').filter((line) => line.endsWith(': FAILED open or read'))
    assert.deepEqual(
      proper.join(''),
      report.map((line) => `${line}\n`).join(''),
      `seed ${seed}: ${JSON.stringify(text)}`,
    )
  }
})

test('a list is read as it comes: longer than a string may be, longer than a chunk, through a pipe', () => {
  const cwd = temporary.path
  const line = shell('sha256sum tree/plain', [], { cwd }).stdout
  // 3 MB: of the lines some are cut by the end of a chunk, wherever that is.
  const many = uring(['sum', '--check', '-'], { cwd, input: line.repeat(40_000) })
  assert.equal(many.stdout, 'tree/plain: OK\n'.repeat(40_000))
  assert.equal(many.status, 0)
  writeFileSync(list, line)
  truncateSync(list, 600 * 2 ** 20)
  const { stdout, stderr, status } = uring(['sum', '--check', list], {
    cwd,
    env: { NODE_OPTIONS: '--max-old-space-size=128' },
  })
  assert.equal(stdout, 'tree/plain: OK\n')
  assert.equal(stderr, 'uring: WARNING: 1 line is improperly formatted\n')
  assert.equal(status, 0)
})

test('a list that cannot be read to its end says why, and the next one is checked', () => {
  const cwd = temporary.path
  const line = shell('sha256sum tree/plain', [], { cwd }).stdout
  const { stdout, stderr, status } = uring(['sum', '--check', 'tree', '-'], { cwd, input: line })
  assert.equal(stdout, 'tree/plain: OK\n')
  assert.equal(stderr, 'uring: tree: Is a directory\n')
  assert.equal(status, 1)
})

function writeList(text: string): string {
  writeFileSync(list, text)
  return list
}
