/**
 * A directory full of what names and files can be, and the commands that tests compare `uring sum` with. Main thread.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const MAIN = fileURLToPath(new URL('../../lib/uring.js', import.meta.url))

/** An empty directory of the test's own, and its removal. */
export function temporaryDirectory(): { path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'uring-cli-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** A path below `root` whose last part is given in bytes, one a character. */
export function bytePath(root: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, 'latin1')])
}

const NAMES = [
  'plain',
  ' leading and trailing ',
  'new\nline',
  '\n',
  'back\\slash',
  '\\',
  'cr\rname',
  'all\\three\n\r',
  'tab\tname',
  'bad\xff\xfeutf8',
  '\x80',
  '\xc3\xa9t\xc3\xa9',
  'quote\'s "and" `more`',
  '-n',
  '--help',
  '*star',
  'ends with backslash\\',
  '\x01\x02\x7f\x1b[31m',
  'x'.repeat(255),
  '~',
  '#',
]

/** Files with hostile names, empty ones, deep ones, many in one directory; links, and a FIFO. */
export function makeHostileTree(root: string): void {
  mkdirSync(root, { recursive: true })
  for (const [i, name] of NAMES.entries()) writeFileSync(bytePath(root, name), `content ${i}`)
  for (const name of NAMES.slice(0, 12)) {
    const directory = bytePath(root, `dir-${name}`)
    mkdirSync(directory)
    writeFileSync(Buffer.concat([directory, Buffer.from('/in\xff\nside', 'latin1')]), name)
  }
  writeFileSync(join(root, 'empty'), '')
  mkdirSync(join(root, 'empty-directory'))
  const deep = join(root, ...Array.from({ length: 100 }, (_, i) => `d${i}`))
  mkdirSync(deep, { recursive: true })
  writeFileSync(join(deep, 'at the bottom'), 'deep')
  mkdirSync(join(root, 'many'))
  for (let i = 0; i < 700; i++) writeFileSync(join(root, 'many', `file ${i}`), 'y'.repeat(i * 7))
  // Around the border between files read whole and files streamed, and around the size of a block.
  for (const kib of [511, 512, 513, 1024, 1536, 3000]) {
    for (const more of [-1, 0, 1]) writeFileSync(join(root, `size-${kib}k${more}`), noise(kib * 1024 + more))
  }
  symlinkSync('plain', join(root, 'link-to-file'))
  symlinkSync('many', join(root, 'link-to-directory'))
  symlinkSync('nowhere', join(root, 'dangling'))
  symlinkSync('.', join(root, 'loop'))
  shell('mkfifo "$1"', [join(root, 'fifo')])
}

/** Bytes that do not repeat, and are the same each time. */
export function noise(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  let x = 123456789 ^ sizeBytes
  for (let i = 0; i < sizeBytes; i++) {
    x = Math.imul(x, 1664525) + 1013904223
    bytes[i] = x >>> 24
  }
  return bytes
}

export interface RunOptions {
  readonly cwd?: string
  readonly input?: string | Buffer
  readonly env?: Record<string, string>
}

/** Runs `uring` to its end. Output is bytes, one a character. */
export function uring(args: readonly string[], options: RunOptions = {}): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [MAIN, ...args], spawnOptions(options))
}

/** Runs a shell script, for what only a shell or coreutils can tell. */
export function shell(
  script: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): SpawnSyncReturns<string> {
  return spawnSync('bash', ['-c', script, 'bash', ...args], spawnOptions(options))
}

function spawnOptions({ cwd, input, env }: RunOptions) {
  return {
    encoding: 'latin1' as const,
    maxBuffer: 1 << 28,
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...env },
    ...(cwd === undefined ? {} : { cwd }),
    ...(input === undefined ? {} : { input }),
  }
}

/** The lines of a checksum list in the order of their bytes. */
export function sorted(list: string): string[] {
  return list.split('\n').sort()
}

/** What coreutils prints for everything below a path, in find's order. */
export function coreutilsSums(path: string, command = 'sha256sum', cwd?: string): string {
  const script = `find -H "$1" -type f -print0 | xargs -0 ${command} --`
  const { stdout, stderr, status } = shell(script, [path], cwd === undefined ? {} : { cwd })
  if (status !== 0) throw new Error(`coreutils: ${stderr}`)
  return stdout
}
