/**
 * The functions of node:fs/promises that go to the ring. Runs on the thread that calls.
 *
 * Each looks whether its arguments are plain (plain.ts), and whether there is a ring; else the call is Node's own, with
 * the arguments as they came. Counterpart: lib/internal/fs/promises.js.
 */
import type { BigIntStats, Stats } from 'node:fs'
import { AT_SYMLINK_NOFOLLOW } from '../abi/constants.js'
import { StatxCall } from '../driver/ops/fs.js'
import { nextTick } from '../lib/globals.js'
import { dataOf, readingOf, writingOf } from './arguments.js'
import { named } from './errors.js'
import { handleMaker, isOurs } from './handle.js'
import { type FileHandle, type NodeFs, nodeFs } from './node.js'
import { OpenOwn } from './ops.js'
import { plainFlags, plainMode, plainOptions, plainPath } from './plain.js'
import { kernelRing, ringOf, run } from './ring.js'
import { statAtHand, statsOf } from './stats.js'
import { readWhole, writeWhole } from './whole.js'

const STAT = ['bigint'] as const

let isFirst = true

/**
 * Whether this call is the first in this turn of the event loop. What a call can be told at once costs it four system calls:
 * less than a worker's wake-up, more than a place beside others on the ring.
 */
function isAlone(): boolean {
  if (!isFirst) return false
  isFirst = false
  nextTick(() => {
    isFirst = true
  })
  return true
}

async function statPath(
  of: 'stat' | 'lstat',
  path: unknown,
  options: unknown,
  flags: number,
): Promise<Stats | BigIntStats> {
  const name = plainPath(path)
  const given = plainOptions(options, STAT)
  const ring = await ringOf()
  const isOurs = name !== undefined && given !== undefined && ring !== undefined
  const atHand = isOurs && isAlone() ? statAtHand(name, flags) : undefined
  if (atHand !== undefined) return statsOf(atHand, Boolean(given!['bigint']))
  // On `threads` a worker of ours does no better than one of libuv's.
  if (!isOurs || ring.backend === 'threads') {
    return nodeFs[of](path as string, options as undefined)
  }
  try {
    return statsOf(await run(ring, StatxCall, { flags }, name), Boolean(given['bigint']))
  } catch (error) {
    throw named(error, of, name)
  }
}

async function writeTo(of: 'writeFile' | 'appendFile', path: unknown, data: unknown, options: unknown): Promise<void> {
  if (isOurs(path)) return path[of](data as string, options as undefined)
  const name = plainPath(path)
  const writing = writingOf(options, of === 'writeFile' ? 'w' : 'a')
  const bytes = writing === undefined ? undefined : dataOf(data, writing.encoding)
  const ring = await kernelRing()
  if (name === undefined || writing === undefined || bytes === undefined || ring === undefined) {
    return nodeFs[of](path as string, data as string, options as undefined)
  }
  return writeWhole(ring, name, bytes, writing)
}

/** Under their own names, which a bundler must not change: they are methods. */
const functions = {
  /** Opens a file: OPENAT. */
  async open(path: unknown, flags: unknown, mode: unknown): Promise<FileHandle> {
    const name = plainPath(path)
    const bits = plainFlags(flags)
    const rights = plainMode(mode, 0o666)
    const ring = await ringOf()
    const made = await handleMaker()
    if (name === undefined || bits === undefined || rights === undefined || ring === undefined || made === undefined) {
      return nodeFs.open(path as string, flags as string, mode as number)
    }
    try {
      return made(await run(ring, OpenOwn, undefined, name, bits, rights))
    } catch (error) {
      throw named(error, 'open', name)
    }
  },

  /** What is known of a file: STATX. */
  async stat(path: unknown, options: unknown = undefined): Promise<Stats | BigIntStats> {
    return statPath('stat', path, options, 0)
  },

  /** What is known of a file, and of a symbolic link itself: STATX with AT_SYMLINK_NOFOLLOW. */
  async lstat(path: unknown, options: unknown = undefined): Promise<Stats | BigIntStats> {
    return statPath('lstat', path, options, AT_SYMLINK_NOFOLLOW)
  },

  /** A file as a whole: OPENAT, then READ and CLOSE in one chain. */
  async readFile(path: unknown, options: unknown): Promise<string | Buffer> {
    if (isOurs(path)) return path.readFile(options as undefined)
    const name = plainPath(path)
    const reading = readingOf(options)
    const ring = await ringOf()
    if (name === undefined || reading === undefined || ring === undefined) {
      return nodeFs.readFile(path as string, options as undefined)
    }
    return (await readWhole(ring, name, reading)) ?? nodeFs.readFile(path as string, options as undefined)
  },

  /** Writes a file as a whole: OPENAT, then WRITE and CLOSE in one chain; FSYNC in between if `flush`. */
  async writeFile(path: unknown, data: unknown, options: unknown): Promise<void> {
    return writeTo('writeFile', path, data, options)
  },

  /** As writeFile, at the end of what is there. */
  async appendFile(path: unknown, data: unknown, options: unknown): Promise<void> {
    return writeTo('appendFile', path, data, options)
  },
}

export const { open, stat, lstat, readFile, writeFile, appendFile } = functions as unknown as Pick<
  NodeFs,
  keyof typeof functions
>
