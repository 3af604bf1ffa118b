/**
 * The regular files below some paths, in an order that depends on nothing but names. The main thread runs it.
 *
 * As `find -H PATH... -type f`: a path given may be a symbolic link, nothing below one is followed, and what is neither
 * file nor directory is passed over below a path but is an error as a path. A directory's entries come in the order of
 * their bytes, directories where their names stand. Names are byte strings, see sum-format.ts. It is pulled: next()
 * hands out what is known. The ring has no operation that lists a directory (nor has io_uring), so that is left to
 * node:fs: at once while it is quick, which a cached directory is; else on libuv's threads, a bounded number ahead,
 * nearest first.
 *
 *      todo   | ... | d | c | b |      a stack: the directory that the walk comes to first is on top
 *      frames | root > a > a/x |       where the walk stands
 */
import { readdir, readdirSync } from 'node:fs'
import { AT_STATX_DONT_SYNC, STATX_TYPE } from '../abi/constants.js'
import { S_IFDIR, S_IFMT, S_IFREG } from '../abi/posix.js'
import type { Uring } from '../driver/uring.js'
import { nowMs } from '../lib/clock.js'
import { Buffer } from '../lib/globals.js'
import { type Failure, failureOf, NOT_REGULAR } from './messages.js'

/** A file to sum, or something that cannot be summed, and why. */
export interface Task {
  readonly name: string
  /** It was given as a path: a symbolic link is followed. */
  readonly isGiven: boolean
  readonly error: Failure | undefined
}

/** What a sum is made of: tasks in order, some of them not known yet. */
export interface Source {
  /** The next task; undefined while it is not known (onReady comes), null after the last. */
  next(): Task | undefined | null
  /** Called whenever next() may have more to say. */
  onReady: () => void
  /** Whether all tasks are known. */
  readonly isAllKnown: boolean
}

/**
 * Listings under way, and listings at hand that the walk has not come to. Few at a time cost a wake-up of a
 * thread each.
 */
const MAX_LISTING = 16
const FEW_LISTING = 2
const MAX_LISTED_AHEAD = 256
/** A listing that takes longer was not in a cache, nor are the next ones. */
const SLOW_MS = 2
const NR_AFTER_SLOW = 32
/** Paths looked up ahead. */
const MAX_PATHS_AHEAD = 64

interface Directory {
  readonly path: string
  state: 'todo' | 'listing' | 'listed'
  entries: Entry[]
  error: Task | undefined
}

type Entry = string | Directory

interface Frame {
  readonly entries: readonly Entry[]
  index: number
}

/** What stands at the top: a path given, and what it turned out to be. */
interface Given {
  readonly path: string
  found: Entry | Task | undefined
}

/** What a file is never changes, so no server need be asked. */
const KIND = { flags: AT_STATX_DONT_SYNC, mask: STATX_TYPE }

export class Walk implements Source {
  onReady: () => void = () => {}
  readonly #ring: Uring
  readonly #paths: readonly string[]
  #nrTaken = 0
  readonly #given: Given[] = []
  readonly #frames: Frame[] = []
  readonly #todo: Directory[] = []
  #nrListing = 0
  #nrListedAhead = 0
  /** Directories to list on other threads before it is tried here again. */
  #nrElsewhere = 0

  constructor(ring: Uring, paths: readonly string[]) {
    this.#ring = ring
    this.#paths = paths
    this.#lookUp()
  }

  get isAllKnown(): boolean {
    return this.#nrTaken === this.#paths.length && this.#given.length === 0 && this.#todo.length + this.#nrListing === 0
  }

  next(): Task | undefined | null {
    for (;;) {
      const frame = this.#frames.at(-1)
      if (frame === undefined) {
        const given = this.#given[0]
        if (given === undefined) return null
        if (given.found === undefined) return undefined
        if (isTask(given.found)) {
          this.#shiftGiven()
          return given.found
        }
        if (!this.#enter(given.found)) return undefined
        this.#shiftGiven()
      } else if (frame.index === frame.entries.length) {
        this.#frames.pop()
      } else {
        const entry = frame.entries[frame.index]!
        if (typeof entry !== 'string' && !this.#enter(entry)) return undefined
        frame.index++
        if (typeof entry === 'string') return { name: entry, isGiven: false, error: undefined }
      }
      const failed = this.#takeError()
      if (failed !== undefined) return failed
    }
  }

  /** Goes down into a directory. False if it is not listed yet. */
  #enter(entry: Entry): boolean {
    const directory = entry as Directory
    if (directory.state === 'todo') this.#list(directory)
    if (directory.state !== 'listed') return false
    this.#nrListedAhead--
    this.#error = directory.error
    this.#frames.push({ entries: directory.entries, index: 0 })
    while (this.#todo.length > 0 && this.#todo.at(-1)!.state !== 'todo') this.#todo.pop()
    this.#listAhead()
    return true
  }

  /** Why the directory just entered has no entries. */
  #error: Task | undefined

  #takeError(): Task | undefined {
    const error = this.#error
    this.#error = undefined
    return error
  }

  #shiftGiven(): void {
    this.#given.shift()
    this.#lookUp()
  }

  #lookUp(): void {
    while (this.#given.length < MAX_PATHS_AHEAD && this.#nrTaken < this.#paths.length) {
      const given: Given = { path: this.#paths[this.#nrTaken++]!, found: undefined }
      this.#given.push(given)
      if (given.path === '-') given.found = { name: '-', isGiven: true, error: undefined }
      else void this.#find(given)
    }
  }

  async #find(given: Given): Promise<void> {
    const { path } = given
    try {
      const kind = (await this.#ring.statx(Buffer.from(path, 'latin1'), KIND)).stx_mode & S_IFMT
      if (kind === S_IFDIR) {
        const directory: Directory = { path, state: 'todo', entries: [], error: undefined }
        given.found = directory
        // Paths come in order, so this one is the last that the walk comes to.
        this.#todo.unshift(directory)
        this.#listAhead()
      } else {
        given.found = { name: path, isGiven: true, error: kind === S_IFREG ? undefined : NOT_REGULAR }
      }
    } catch (error) {
      given.found = { name: path, isGiven: true, error: failureOf(error) }
    }
    if (given === this.#given[0]) this.onReady()
  }

  #listAhead(): void {
    if (this.#nrListing > FEW_LISTING) return
    while (
      this.#nrElsewhere > 0 &&
      this.#nrListing < MAX_LISTING &&
      this.#nrListing + this.#nrListedAhead < MAX_LISTED_AHEAD
    ) {
      const directory = this.#todo.pop()
      if (directory === undefined) return
      if (directory.state === 'todo') this.#list(directory)
    }
  }

  #list(directory: Directory): void {
    if (this.#nrElsewhere === 0) {
      const start = nowMs()
      this.#listed(directory, ...readNamesNow(directory.path))
      if (nowMs() - start > SLOW_MS) this.#nrElsewhere = NR_AFTER_SLOW
      return
    }
    this.#nrElsewhere--
    directory.state = 'listing'
    this.#nrListing++
    readNames(directory.path, (error, names) => {
      this.#nrListing--
      this.#listed(directory, error, names)
      this.#listAhead()
      this.onReady()
    })
  }

  #listed(directory: Directory, error: Error | null, names: Name[]): void {
    this.#nrListedAhead++
    directory.state = 'listed'
    if (error !== null) directory.error = { name: directory.path, isGiven: true, error: failureOf(error) }
    const prefix = directory.path.endsWith('/') ? directory.path : `${directory.path}/`
    directory.entries = names.map(({ name, isDirectory }) =>
      isDirectory ? { path: prefix + name, state: 'todo', entries: [], error: undefined } : prefix + name,
    )
    for (let i = directory.entries.length - 1; i >= 0; i--) {
      const entry = directory.entries[i]!
      if (typeof entry !== 'string') this.#todo.push(entry)
    }
  }
}

function isTask(found: Entry | Task): found is Task {
  return typeof found !== 'string' && 'isGiven' in found
}

interface Name {
  readonly name: string
  readonly isDirectory: boolean
}

type NamesCallback = (error: Error | null, names: Name[]) => void

const AS_STRINGS = { withFileTypes: true, encoding: 'latin1' } as const
/** The types of @types/node 20 lack this overload. */
const AS_BYTES = { withFileTypes: true, encoding: 'buffer' } as unknown as { withFileTypes: true }

/** The files and directories in a directory, in the order of their bytes. */
function readNames(path: string, callback: NamesCallback): void {
  const bytes = Buffer.from(path, 'latin1')
  readdir(bytes, AS_STRINGS, (error, found) => {
    if (lacksTypes(error)) readdir(bytes, AS_BYTES, (err, raw) => callback(err, err === null ? sortedBytes(raw) : []))
    else callback(error, error === null ? sortedNames(found, (name) => name) : [])
  })
}

/** The same, now. */
function readNamesNow(path: string): [error: Error | null, names: Name[]] {
  const bytes = Buffer.from(path, 'latin1')
  try {
    return [null, sortedNames(readdirSync(bytes, AS_STRINGS), (name) => name)]
  } catch (error) {
    if (!lacksTypes(error)) return [error as Error, []]
  }
  try {
    return [null, sortedBytes(readdirSync(bytes, AS_BYTES))]
  } catch (error) {
    return [error as Error, []]
  }
}

/** Where the file system gives no types Node looks each name up, and cannot join a Buffer and a string. */
function lacksTypes(error: unknown): boolean {
  return (error as { code?: string } | null)?.code === 'ERR_INVALID_ARG_TYPE'
}

function sortedBytes(found: readonly DirentLike<unknown>[]): Name[] {
  return sortedNames(found as readonly DirentLike<Buffer>[], (name) => name.toString('latin1'))
}

interface DirentLike<N> {
  readonly name: N
  isFile(): boolean
  isDirectory(): boolean
}

function sortedNames<N>(found: readonly DirentLike<N>[], toByteString: (name: N) => string): Name[] {
  const names: Name[] = []
  for (const entry of found) {
    const isDirectory = entry.isDirectory()
    if (isDirectory || entry.isFile()) names.push({ name: toByteString(entry.name), isDirectory })
  }
  return names.sort((a, b) => (a.name < b.name ? -1 : 1))
}
