/**
 * `uring sum` on real trees, as a whole program. Main thread; each subject is a process, its start and end included.
 *
 * `sha256sum` is one process at a time over a list of names that was made beforehand; it is spared the walk, which the
 * others do. `fs+piscina` is rivals/sum-fs-piscina.ts. All of them print their sums into a file; the first time these
 * are compared, so that nobody is quick by leaving out. Latencies here are of a whole run.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench, Plan, Round, Subject } from './bench.js'
import { BACKENDS, usableBackends } from './rings.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const URING = fileURLToPath(new URL('../lib/uring.js', import.meta.url))
const FS_PISCINA = fileURLToPath(new URL('./rivals/sum-fs-piscina.js', import.meta.url))
const TREES = ['node_modules', '/usr/share']
const QUICK_FILES = 40
/** A run that takes longer hangs. */
const LIMIT_MS = 120_000
const RIVALS = ['sha256sum', 'fs+piscina'] as const
/** As long a command line as Linux takes, so that few processes do: xargs lowers it where it must. */
const XARGS_BYTES = '2000000'

export const bench: Bench = {
  question: 'how many files a second does `uring sum` check on a tree in the page cache?',
  unit: 'files',
  pairs: [
    ...BACKENDS.flatMap((backend) => RIVALS.map((rival) => [`uring/${backend}/sum`, rival] as const)),
    ['fs+piscina', 'sha256sum'],
  ],
  async settings(plan) {
    const backends = await usableBackends(plan, ['sum'])
    const scratch = await mkdtemp(join(tmpdir(), 'uring-bench-'))
    plan.defer(() => rmSync(scratch, { recursive: true, force: true }))
    return (await chooseTrees(plan, scratch)).map(({ name, path }) => ({
      name: `tree=${name}`,
      async open() {
        const tree = await listTree(path, scratch)
        const sums = new Sums(tree, scratch)
        const xargs = ['-0', '-a', tree.listPath, '-s', XARGS_BYTES, 'sha256sum']
        const subjects: Subject[] = backends.map((backend) =>
          sums.subject(`uring/${backend}/sum`, process.execPath, [URING, 'sum', '--backend', backend, path]),
        )
        subjects.push(sums.subject('fs+piscina', process.execPath, [FS_PISCINA, path]))
        subjects.push(sums.subject('sha256sum', 'xargs', xargs))
        return sums.onlyWorking(plan, subjects)
      },
    }))
  },
}

async function chooseTrees(plan: Plan, scratch: string): Promise<{ name: string; path: string }[]> {
  if (plan.isQuick && plan.trees.length === 0) return [{ name: 'small', path: await makeSmallTree(scratch) }]
  const trees = plan.trees.length > 0 ? plan.trees : TREES
  const isOwn = plan.trees.length === 0
  const found = trees.map((name) => ({ name, path: isOwn ? resolve(ROOT, name) : resolve(name) }))
  return found.filter(({ name, path }) => {
    if (existsSync(path)) return true
    plan.leaveOut(`tree=${name}`, 'there is no such directory')
    return false
  })
}

async function makeSmallTree(scratch: string): Promise<string> {
  const path = join(scratch, 'tree')
  for (let i = 0; i < QUICK_FILES; i++) {
    const dir = join(path, `${i % 4}`)
    await mkdir(dir, { recursive: true })
    await writeFile(join(dir, `file ${i}`), 'x'.repeat(i * 997))
  }
  return path
}

interface Tree {
  readonly nrFiles: number
  readonly nrBytes: number
  /** Names that end in NUL bytes, for xargs. */
  readonly listPath: string
}

/** What `find PATH -type f -print0` prints. Reading the sizes also brings the inodes into the cache. */
async function listTree(path: string, scratch: string): Promise<Tree> {
  const names: string[] = []
  let nrBytes = 0
  const list = async (dir: string) => {
    // Names are bytes; latin1 keeps each of them.
    const entries = await readdir(Buffer.from(dir, 'latin1'), { withFileTypes: true, encoding: 'latin1' })
    for (const entry of entries) {
      const name = `${dir}/${entry.name}`
      if (entry.isDirectory()) await list(name)
      else if (entry.isFile()) {
        names.push(name)
        nrBytes += (await stat(Buffer.from(name, 'latin1'))).size
      }
    }
  }
  await list(Buffer.from(path).toString('latin1'))
  const listPath = join(scratch, 'list')
  await writeFile(listPath, Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1'))
  return { nrFiles: names.length, nrBytes, listPath }
}

/** The runs over one tree. */
class Sums {
  readonly #tree: Tree
  readonly #output: string

  constructor(tree: Tree, scratch: string) {
    this.#tree = tree
    this.#output = join(scratch, 'output')
  }

  subject(name: string, command: string, args: readonly string[]): Subject {
    const { nrFiles, nrBytes } = this.#tree
    return {
      name,
      round: async (): Promise<Round> => {
        const seconds = await this.#run(command, args)
        const us = seconds * 1e6
        return { opsPerSec: nrFiles / seconds, p50Us: us, p99Us: us, mbPerSec: nrBytes / seconds / 1e6 }
      },
    }
  }

  /** Runs each once. A rival that cannot is left out; if we cannot, or somebody prints other sums, it is an error. */
  async onlyWorking(plan: Plan, subjects: readonly Subject[]): Promise<Subject[]> {
    const working: Subject[] = []
    let expected: string | undefined
    for (const subject of subjects) {
      try {
        await subject.round()
      } catch (error) {
        if (subject.name.startsWith('uring/')) throw error
        plan.leaveOut(subject.name, (error as Error).message)
        continue
      }
      const digest = await this.#digest()
      expected ??= digest
      if (digest !== expected) throw new Error(`${subject.name} prints other sums than ${working[0]!.name}`)
      working.push(subject)
    }
    return working
  }

  async #digest(): Promise<string> {
    const lines = (await readFile(this.#output, 'latin1')).split('\n').sort()
    return createHash('sha256').update(lines.join('\n')).digest('hex')
  }

  #run(command: string, args: readonly string[]): Promise<number> {
    return new Promise((resolve, reject) => {
      const output = openSync(this.#output, 'w')
      const began = performance.now()
      const child = spawn(command, args, { stdio: ['ignore', output, 'pipe'] })
      closeSync(output)
      // Not spawn's own timeout: where a command is missing, its timer stays behind and keeps the process alive.
      const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
      let complaints = ''
      child.stderr?.setEncoding('utf8').on('data', (text) => {
        complaints += text
      })
      child.on('error', (error) => {
        clearTimeout(limit)
        const isMissing = (error as { code?: string }).code === 'ENOENT'
        reject(isMissing ? new Error(`there is no ${command}`) : error)
      })
      child.on('exit', (code, signal) => {
        const seconds = (performance.now() - began) / 1000
        clearTimeout(limit)
        if (code === 0) resolve(seconds)
        else if (signal === 'SIGKILL') reject(new Error(`${command} was killed after ${Math.round(seconds)} s`))
        else reject(new Error(`${command} ends with ${code ?? signal}: ${complaints.trim().split('\n')[0]}`))
      })
    })
  }
}
