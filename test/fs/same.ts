/**
 * Calls on node:fs/promises and on `uring/fs`, side by side: results and errors are the same, key for key. Main thread.
 *
 * Each case makes its files anew for either side, so that one does not see what the other did.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { constants, mkdirSync, mkdtempSync, rmSync, type Stats, symlinkSync, writeFileSync } from 'node:fs'
import * as node from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

export type Fs = typeof node

/** What a call led to, as plain as can be. */
interface Outcome {
  readonly value?: unknown
  readonly error?: unknown
}

interface Case {
  readonly name: string
  readonly run: (fs: Fs, folder: string) => Promise<unknown>
}

function makeTree(): string {
  const folder = mkdtempSync(join(tmpdir(), 'uring-fs-'))
  writeFileSync(join(folder, 'file'), 'some text, with ü and €\n'.repeat(100))
  writeFileSync(join(folder, 'empty'), '')
  writeFileSync(join(folder, 'large'), Buffer.alloc(300_000, 'abcdefg'))
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x66, 0xff, 0x66])]), 'no UTF-8')
  mkdirSync(join(folder, 'dir'))
  symlinkSync('file', join(folder, 'link'))
  symlinkSync('nowhere', join(folder, 'dangling'))
  return folder
}

/** Everything of an error that a program can see, but its stack; the folder's name differs from run to run. */
function seen(thrown: unknown, folder: string): unknown {
  if (!(thrown instanceof Error)) return { thrown }
  const { name, message } = thrown
  const text = JSON.stringify(Object.entries(thrown)).replaceAll(folder, '')
  return { name, message: message.replaceAll(folder, ''), type: thrown.constructor.name, text, cause: thrown.cause }
}

/** Times and inodes differ between two trees; their names, order and types do not. */
function timeless(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('birthtimeMs' in value)) return value
  const entries = Object.entries(value).map(([key, field]) => {
    const varies = /time|^ino$/.test(key)
    return [key, varies ? typeof field : field]
  })
  const symbols = Object.getOwnPropertySymbols(value).map(String)
  const proto = Object.getPrototypeOf(value) as object
  const { atime, birthtime } = value as Partial<Stats>
  return { entries, symbols, proto, dates: [atime, birthtime].map((date) => date instanceof Date) }
}

async function outcome(fs: Fs, { run }: Case): Promise<Outcome> {
  const folder = makeTree()
  try {
    return { value: timeless(await run(fs, folder)) }
  } catch (error) {
    return { error: seen(error, folder) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const PATHS = ['file', 'empty', 'large', 'dir', 'link', 'dangling', 'missing', 'file/below', ''] as const
const ODD: readonly unknown[] = [undefined, null, 5, {}, 'a\0b', new URL('http://example.org/'), Symbol.iterator]
const at = (folder: string, name: string) => (name === '' ? '' : join(folder, name))

/** With the file open; it is closed again. */
function withHandle(name: string, flags: string, use: (handle: node.FileHandle) => Promise<unknown>): Case['run'] {
  return async (fs, folder) => {
    const handle = await fs.open(join(folder, name), flags)
    try {
      return await use(handle)
    } finally {
      await handle.close()
    }
  }
}

function statCases(): Case[] {
  return (['stat', 'lstat'] as const).flatMap((of) => [
    ...PATHS.map((name) => ({ name: `${of} ${name}`, run: (fs: Fs, folder: string) => fs[of](at(folder, name)) })),
    ...ODD.map((odd) => ({ name: `${of} of ${String(odd)}`, run: (fs: Fs) => fs[of](odd as string) })),
    { name: `${of} bigint`, run: (fs, folder) => fs[of](join(folder, 'file'), { bigint: true }) },
    { name: `${of} of a URL`, run: (fs, folder) => fs[of](pathToFileURL(join(folder, 'file'))) },
    { name: `${of} null`, run: (fs, folder) => fs[of](join(folder, 'file'), null as unknown as undefined) },
    { name: `${of} of a name that is not UTF-8`, run: (fs, folder) => fs[of](notUtf8(folder)) },
    { name: `${of} of /dev/null`, run: (fs) => fs[of]('/dev/null') },
  ])
}

const notUtf8 = (folder: string) => Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x66, 0xff, 0x66])])

const READ_OPTIONS: readonly unknown[] = [
  undefined,
  null,
  'utf8',
  'latin1',
  'base64',
  'nothing',
  { encoding: 'utf8' },
  { encoding: null },
  { flag: 'r+' },
  { flag: 'odd' },
  { flag: 'a+' },
  { signal: AbortSignal.abort() },
  { signal: AbortSignal.abort(new Error('enough')) },
  { signal: {} },
  5,
]

function readFileCases(): Case[] {
  return [
    ...PATHS.flatMap((name) =>
      READ_OPTIONS.map((options) => ({
        name: `readFile ${name} with ${JSON.stringify(options)}`,
        run: (fs: Fs, folder: string) => fs.readFile(at(folder, name), options as undefined),
      })),
    ),
    ...ODD.map((odd) => ({ name: `readFile of ${String(odd)}`, run: (fs: Fs) => fs.readFile(odd as string) })),
    { name: 'readFile /proc/version', run: (fs) => fs.readFile('/proc/version', 'utf8') },
    { name: 'readFile /dev/null', run: (fs) => fs.readFile('/dev/null') },
    {
      name: 'readFile of a handle',
      run: (fs, folder) => withHandle('file', 'r', (h) => fs.readFile(h, 'utf8'))(fs, folder),
    },
    { name: 'readFile a FIFO', run: readFifo },
  ]
}

async function readFifo(fs: Fs, folder: string): Promise<unknown> {
  const fifo = join(folder, 'fifo')
  spawnSync('mkfifo', [fifo])
  const reading = fs.readFile(fifo, 'utf8')
  const writer = await node.open(fifo, 'w')
  await writer.write('one')
  await writer.write('two')
  await writer.close()
  return reading
}

const DATA: readonly (readonly [string, unknown])[] = [
  ['text', 'ä text'],
  ['nothing', ''],
  ['bytes', Buffer.from('bytes')],
  ['numbers', new Float64Array([1, 2])],
  ['no bytes', new Uint8Array(0)],
  ['much', Buffer.alloc(200_000, 'x')],
  ['a list', ['a', 'b']],
  ['an object', {}],
  ['undefined', undefined],
]
const WRITE_OPTIONS: readonly unknown[] = [
  undefined,
  'latin1',
  { flag: 'wx' },
  { flag: 'a' },
  { flag: 'r+', flush: true },
  { mode: 0o600 },
  { mode: '600' },
  { flush: 1 },
  { signal: AbortSignal.abort() },
]

function writeCases(): Case[] {
  return (['writeFile', 'appendFile'] as const).flatMap((of) =>
    (['file', 'new', 'dir', 'missing/new'] as const).flatMap((name) =>
      DATA.flatMap(([what, data]) =>
        WRITE_OPTIONS.map((options) => ({
          name: `${of} ${what} to ${name} with ${JSON.stringify(options)}`,
          run: async (fs: Fs, folder: string) => {
            const path = join(folder, name)
            const written = await fs[of](path, data as string, options as undefined)
            return { written, bytes: await node.readFile(path), mode: (await node.stat(path)).mode }
          },
        })),
      ),
    ),
  )
}

function openCases(): Case[] {
  const flags: readonly unknown[] = ['r', 'w', 'wx', 'a', 'r+', 'odd', constants.O_RDONLY, -1, null, undefined]
  return [
    ...PATHS.flatMap((name) =>
      flags.map((flag) => ({
        name: `open ${name} as ${String(flag)}`,
        run: async (fs: Fs, folder: string) => {
          const handle = await fs.open(at(folder, name), flag as string)
          const { fd } = handle
          const closed = await handle.close()
          return { isFd: fd >= 0, closed, after: handle.fd, again: await handle.close() }
        },
      })),
    ),
    ...[0o600, '600', 'x', -1, 2 ** 40].map((mode) => ({
      name: `open with mode ${mode}`,
      run: async (fs: Fs, folder: string) => {
        const handle = await fs.open(join(folder, 'new'), 'w', mode)
        await handle.close()
        return (await node.stat(join(folder, 'new'))).mode
      },
    })),
  ]
}

const filled = () => Buffer.alloc(10, '.')
type Use = (handle: node.FileHandle) => Promise<unknown>

/** Uses of a handle by name. */
const USES: Readonly<Record<string, Use>> = {
  'read a buffer': (h) => h.read(filled()),
  'read a part': (h) => h.read(filled(), 2, 5, 3),
  'read an odd part': (h) => h.read(filled(), 2, 50, 3),
  'read at -1': (h) => h.read(filled(), 0, 5, -1),
  'read at a bigint': (h) => h.read(filled(), 0, 5, 3n as unknown as number),
  'read by options': (h) => h.read({ buffer: filled(), position: 4 }),
  'read by options behind': (h) => h.read(filled(), { offset: 3, position: 4 }),
  'read nothing given': async (h) => (await h.read()).bytesRead,
  'read no buffer': (h) => h.read(5 as unknown as Buffer),
  'read an empty buffer': (h) => h.read(Buffer.alloc(0)),
  'read at half a byte': (h) => h.read(filled(), 0, 5, 0.5),
  'read twice': async (h) => [await h.read(filled()), await h.read(filled())],
  'read vectors': (h) => h.readv([filled(), filled()], 5),
  'read vectors on': (h) => h.readv([filled(), filled()]),
  'read no vectors': (h) => h.readv([]),
  'read odd vectors': (h) => h.readv([1 as unknown as Buffer]),
  'write text': (h) => h.write('text'),
  'write text at': (h) => h.write('text', 3, 'latin1'),
  'write no text': (h) => h.write(''),
  'write text oddly': (h) => h.write('text', null, 'odd' as 'utf8'),
  'write bytes': (h) => h.write(filled(), 2, 5, 1),
  'write bytes by options': (h) => h.write(filled(), { offset: 2, position: 3 } as unknown as number),
  'write odd bytes': (h) => h.write(filled(), 20, 5, 1),
  'write no bytes': (h) => h.write(Buffer.alloc(0)),
  'write a number': (h) => h.write(5 as unknown as Buffer),
  'write vectors': (h) => h.writev([filled(), filled()], 5),
  'write no vectors': (h) => h.writev([]),
  stat: async (h) => timeless(await h.stat()),
  'stat big': async (h) => timeless(await h.stat({ bigint: true })),
  sync: (h) => h.sync(),
  datasync: (h) => h.datasync(),
  truncate: (h) => h.truncate(5),
  chmod: (h) => h.chmod(0o600),
  utimes: (h) => h.utimes(1, 2),
  readFile: (h) => h.readFile(),
  'readFile as text': (h) => h.readFile('utf8'),
  writeFile: (h) => h.writeFile('all of it'),
  appendFile: (h) => h.appendFile('more'),
  'close twice': (h) => Promise.all([h.close(), h.close()]),
  'use when closed': (h) => h.close().then(() => h.read(filled())),
  'write when closed': (h) => h.close().then(() => h.write('a')),
  'stat when closed': (h) => h.close().then(() => h.stat()),
}

function handleCases(): Case[] {
  return (['r', 'r+', 'w', 'a+'] as const).flatMap((flags) =>
    Object.entries(USES).map(([name, use]) => ({
      name: `a handle (${flags}): ${name}`,
      run: async (fs: Fs, folder: string) => {
        const value = await outcomeOf(() => withHandle('file', flags, use)(fs, folder), folder)
        return { value, after: await node.readFile(join(folder, 'file'), 'utf8') }
      },
    })),
  )
}

async function outcomeOf(run: () => Promise<unknown>, folder: string): Promise<Outcome> {
  try {
    return { value: await run() }
  } catch (error) {
    return { error: seen(error, folder) }
  }
}

/** Registers the tests, a function or class each. */
export function testSame(fs: Fs): void {
  const groups = {
    stat: statCases(),
    readFile: readFileCases(),
    writeFile: writeCases(),
    open: openCases(),
    FileHandle: handleCases(),
  }
  for (const [group, cases] of Object.entries(groups)) {
    test(`${group}: ${cases.length} calls have the results and errors of node:fs/promises`, async () => {
      for (const one of cases) {
        const [wanted, got] = [await outcome(node, one), await outcome(fs, one)]
        assert.deepStrictEqual(got, wanted, one.name)
      }
    })
  }
}
