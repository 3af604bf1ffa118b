/**
 * What `uring sum` says and does when something is wrong: with a path, with a file, with its reader, with its options.
 * Main thread.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { BACKENDS } from './backends.js'
import { MAIN, makeHostileTree, shell, temporaryDirectory, uring } from './hostile-tree.js'

const temporary = temporaryDirectory()
const tree = join(temporary.path, 'tree')
process.on('exit', () => temporary[Symbol.dispose]())
before(() => makeHostileTree(tree))

test('what cannot be summed is told on stderr, the rest goes on, the status is 1', () => {
  symlinkSync('circle', join(temporary.path, 'circle'))
  const paths = ['no such', 'tree/fifo', 'tree/plain/below', 'tree/plain', '/dev/null', 'tree/dangling', 'circle', '']
  const { stdout, stderr, status } = uring(['sum', ...paths], { cwd: temporary.path })
  assert.match(stdout, /^[0-9a-f]{64} {2}tree\/plain\n$/)
  assert.deepEqual(stderr.split('\n'), [
    "uring: 'no such': No such file or directory",
    'uring: tree/fifo: not a regular file',
    'uring: tree/plain/below: Not a directory',
    'uring: /dev/null: not a regular file',
    'uring: tree/dangling: No such file or directory',
    'uring: circle: Too many levels of symbolic links',
    "uring: '': No such file or directory",
    '',
  ])
  assert.equal(status, 1)
})

test('names in messages are quoted as coreutils quotes them', () => {
  const special = [...'\t\n\r\x01\x1b !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~\x7f\xff\x80'].flatMap((c) => [
    `${c}x`,
    `x${c}y`,
    `x${c}`,
    c,
  ])
  const names = [
    ...special,
    "it's",
    "it's a",
    "it's $",
    "\n'",
    "a\nb'c\nd'e",
    "'\xff'",
    'a b',
    '\xc3\xa9',
    '\xc2\x85',
    '\xe2\x82\xac',
    '\xc3',
    'x\xc3\xa9\xff',
  ]
  const missing = names.filter((name) => !['.', '/', '-', '-x'].includes(name)).map((name) => `no/${name}`)
  const script = 'while IFS= read -r -d "" name; do set -- "$@" "$name"; done; exec "$@"'
  const input = Buffer.from(missing.map((name) => `${name}\0`).join(''), 'latin1')
  const expected = shell(script, ['sha256sum'], { input }).stderr
  const found = shell(script, [process.execPath, MAIN, 'sum'], { input }).stderr
  const lines = (text: string) => text.split('\n').map((line) => line.slice(line.indexOf(': ')))
  assert.deepEqual(lines(found), lines(expected))
})

/** Root may read everything, so it must be somebody else who tries; and that one must be able to run the build. */
const AS_NOBODY = ['setpriv', '--reuid', '65534', '--clear-groups', process.execPath, MAIN]
const noNobody = shell('exec "$@" --version', AS_NOBODY).status === 0 ? false : 'cannot run as another user here'

test('a directory that cannot be read is an error, and what stands beside it is summed', { skip: noNobody }, () => {
  const root = join(temporary.path, 'unreadable')
  mkdirSync(join(root, 'closed'), { recursive: true })
  writeFileSync(join(root, 'file'), '')
  const script = 'chmod 711 .. && chmod 0 closed && exec "$@" sum .'
  const { stdout, stderr, status } = shell(script, AS_NOBODY, { cwd: root })
  assert.match(stdout, /^[0-9a-f]{64} {2}\.\/file\n$/)
  assert.equal(stderr, 'uring: ./closed: Permission denied\n')
  assert.equal(status, 1)
})

test('a file that changes while it is read is left out, and told', async () => {
  const path = join(temporary.path, 'changing')
  writeFileSync(path, '')
  truncateSync(path, 1024 * 1024 * 1024)
  const child = start(['sum', path])
  // It is open for as long as a gibibyte takes to hash; touching it once a millisecond cannot miss that.
  const timer = setInterval(() => appendFileSync(path, 'more'), 1)
  const { code, stdout, stderr } = await ended(child)
  clearInterval(timer)
  assert.equal(stdout, '')
  assert.equal(stderr, `uring: ${path}: file changed while it was read\n`)
  assert.equal(code, 1)
})

test('--json prints an object a line, with bytes where a name is not UTF-8, and errors as objects', () => {
  const { stdout, status } = uring(['sum', '--json', tree, 'no such'], { cwd: temporary.path })
  const objects = Buffer.from(stdout, 'latin1')
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Entry)
  assert.deepEqual(objects.at(-1), { path: 'no such', error: 'No such file or directory', code: 'ENOENT' })
  assert.equal(status, 1)
  const bad = objects.find(({ pathBytes }) => pathBytes !== undefined)!
  assert.ok(Buffer.from(bad.pathBytes!, 'base64').length > 0)
  const lines = objects.slice(0, -1).map(({ path, pathBytes, digest, algo, size }) => {
    assert.equal(algo, 'sha256')
    const name = pathBytes === undefined ? Buffer.from(path) : Buffer.from(pathBytes, 'base64')
    assert.equal(size, readFileSync(name).length)
    assert.equal(pathBytes !== undefined, !Buffer.from(name.toString()).equals(name))
    return { digest, name: name.toString('latin1') }
  })
  const summed = uring(['sum', tree]).stdout
  for (const { digest, name } of lines) if (!/[\\\n\r]/.test(name)) assert.ok(summed.includes(`${digest}  ${name}\n`))
  assert.equal(lines.length, summed.trimEnd().split('\n').length)
})

interface Entry {
  path: string
  pathBytes?: string
  digest?: string
  algo?: string
  size?: number
}

test('--stats says on stderr what the ring and the pool did', () => {
  const { stdout, stderr, status } = uring(['sum', '--stats', '--jobs', '2', join(tree, 'many')])
  assert.equal(stdout.split('\n').length, 701)
  assert.equal(status, 0)
  assert.match(stderr, /^backend +(kernel|threads) \(.+\)$/m)
  assert.match(stderr, /^ring ops .*\bOPENAT 700\b/m)
  assert.match(stderr, /^ring ops .*\bCLOSE 700\b/m)
  assert.match(stderr, /^ring +\d+ SQEs, \d+ CQEs, \d+ enters/m)
  assert.match(stderr, /^pool +[12] workers? created, \d+ jobs$/m)
  assert.match(stderr, /^files +700 files, 0 errors$/m)
  assert.match(stderr, /^bytes +1712550 /m)
  assert.match(stderr, /^time +[\d.]+ s, [\d.]+ MB\/s$/m)
})

test('bad options are refused with a message and status 1', () => {
  for (const args of [
    ['--algo', 'crc'],
    ['--jobs', '0'],
    ['--jobs', 'x'],
    ['--backend', 'none'],
    ['--nonsense'],
    ['--check'],
  ]) {
    const { stdout, stderr, status } = uring(['sum', ...args])
    assert.equal(stdout, '')
    assert.match(stderr, /^error: /)
    assert.equal(status, 1)
  }
})

test('what cannot be written is told of --version and --help too', () => {
  for (const args of ['--version', '--help', 'sum --help', 'help doctor']) {
    const { stderr, status } = shell(`"$1" "$2" ${args} >/dev/full`, [process.execPath, MAIN])
    assert.equal(stderr, 'uring: write error: No space left on device\n', args)
    assert.equal(status, 1, args)
  }
})

test('--version and --help', () => {
  assert.match(uring(['--version']).stdout, /^\d+\.\d+\.\d+\n$/)
  assert.match(uring(['--help']).stdout, /\bsum\b/)
  assert.match(uring(['sum', '--help']).stdout, /--backend/)
})

for (const args of [['sum', tree], ['doctor'], ['doctor', '--json']]) {
  test(`${args[0]}: a full disk is told once`, () => {
    const { stderr, status } = shell('exec "$@" > /dev/full', [process.execPath, MAIN, ...args])
    assert.equal(stderr, 'uring: write error: No space left on device\n')
    assert.equal(status, 1)
  })
}

for (const { name: backend, skip } of BACKENDS) {
  test(`${backend}: a reader that leaves ends it quietly`, { skip }, () => {
    const large = join(temporary.path, `left-${backend}`)
    writeFileSync(large, '')
    truncateSync(large, 256 * 1024 * 1024)
    const script = 'set -o pipefail; "$@" | head -n 1; echo "status $?"'
    const { stdout, stderr } = shell(script, [
      process.execPath,
      MAIN,
      'sum',
      tree,
      tree,
      tree,
      large,
      '--backend',
      backend,
    ])
    assert.equal(stderr, '')
    assert.match(stdout, /^\S+ {2}.*\nstatus 141\n$/)
  })

  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`${backend}: ${signal} while it hashes ends it with status ${status}`, { skip }, async () => {
      const path = join(temporary.path, 'endless')
      writeFileSync(path, '')
      truncateSync(path, 1024 ** 4)
      const child = start(['sum', tree, path, '--backend', backend])
      await once(child.stdout!, 'data')
      await endsBy(child, signal, status)
    })

    test(`${backend}: ${signal} while it waits for input ends it with status ${status}`, { skip }, async () => {
      const child = start(['sum', join(tree, 'plain'), '-', '--backend', backend])
      await once(child.stdout!, 'data')
      await endsBy(child, signal, status)
    })
  }
}

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
}

async function ended(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  let stdout = ''
  let stderr = ''
  child.stdout!.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('latin1')
  })
  child.stderr!.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('latin1')
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

/** 100 ms is what is promised; a machine that runs other tests besides may take longer, but not for ever. */
async function endsBy(child: ChildProcess, signal: 'SIGINT' | 'SIGTERM', status: number): Promise<void> {
  const end = ended(child)
  const startMs = performance.now()
  child.kill(signal)
  const { code, stderr } = await end
  assert.equal(code, status)
  assert.equal(stderr, '')
  assert.ok(performance.now() - startMs < 2000, `it took ${Math.round(performance.now() - startMs)} ms`)
}
