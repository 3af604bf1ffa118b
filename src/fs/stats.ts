/**
 * What STATX found, as Node's Stats or BigIntStats: class, fields and their order are those of the Node that runs. Any
 * thread.
 *
 * Counterpart: getStatsFromBinding of lib/internal/fs/utils.js, and uv__statx_to_stat.
 */
import type { BigIntStats, Stats } from 'node:fs'
import { AT_FDCWD, STATX_BASIC_STATS, STATX_BTIME } from '../abi/constants.js'
import { pathBytes } from '../driver/args.js'
import { STATX_BYTES, Statx } from '../driver/statx.js'
import { addressOf } from '../sys/memory.js'
import { statFileAtHand, statPathAtHand } from '../sys/stat-at-hand.js'
import { statsPatterns } from './node.js'

const TIMES = ['atime', 'mtime', 'ctime', 'birthtime'] as const
const NSEC = {
  atime: 'stx_atime_tv_nsec',
  mtime: 'stx_mtime_tv_nsec',
  ctime: 'stx_ctime_tv_nsec',
  birthtime: 'stx_btime_tv_nsec',
} as const

type Fields = Readonly<Record<string, number | bigint>>
type Maker = new () => Record<string | symbol, unknown>

interface Pattern {
  readonly make: Maker
  readonly keys: readonly string[]
  /** Since Node 26: what is below a millisecond, under symbols of its own. */
  readonly parts: readonly (readonly [symbol, (typeof TIMES)[number]])[]
}

let patterns: readonly [Pattern, Pattern] | undefined

/** An object with the pattern's prototype, made by a function of its own so that all have one hidden class. */
function patternOf(like: object): Pattern {
  const make = function (this: object) {} as unknown as Maker
  make.prototype = Object.getPrototypeOf(like)
  const parts = Object.getOwnPropertySymbols(like).flatMap((symbol) => {
    const time = TIMES.find((name) => symbol.description?.toLowerCase().endsWith(`partial${name}ns`))
    return time === undefined ? [] : [[symbol, time] as const]
  })
  return { make, keys: Object.keys(like), parts }
}

function pattern(isBig: boolean): Pattern {
  if (patterns === undefined) {
    const [plain, big] = statsPatterns()
    patterns = [patternOf(plain), patternOf(big)]
  }
  return patterns[isBig ? 1 : 0]
}

/** gnu_dev_makedev(3) of what Linux has: 12 bits and 20. */
function device(major: number, minor: number): number {
  return (((major & 0xfff) << 8) | (minor & 0xff) | ((minor & 0xfff00) << 12)) >>> 0
}

function ms(seconds: number, nsec: number): number {
  return seconds * 1000 + nsec / 1_000_000
}

/** Fields beside the times. */
function common(statx: Statx): Record<string, number> {
  return {
    dev: device(statx.stx_dev_major, statx.stx_dev_minor),
    mode: statx.stx_mode,
    nlink: statx.stx_nlink,
    uid: statx.stx_uid,
    gid: statx.stx_gid,
    rdev: device(statx.stx_rdev_major, statx.stx_rdev_minor),
    blksize: statx.stx_blksize,
    ino: statx.stx_ino,
    size: statx.stx_size,
    blocks: statx.stx_blocks,
  }
}

function withTimes(statx: Statx, fields: Record<string, unknown>): void {
  fields['atimeMs'] = ms(statx.stx_atime_tv_sec, statx.stx_atime_tv_nsec)
  fields['mtimeMs'] = ms(statx.stx_mtime_tv_sec, statx.stx_mtime_tv_nsec)
  fields['ctimeMs'] = ms(statx.stx_ctime_tv_sec, statx.stx_ctime_tv_nsec)
  fields['birthtimeMs'] = ms(statx.stx_btime_tv_sec, statx.stx_btime_tv_nsec)
}

function bigFields(statx: Statx): Fields {
  const fields: Record<string, bigint> = {}
  for (const [key, value] of Object.entries(common(statx))) fields[key] = BigInt(value)
  fields['ino'] = statx.ino
  for (const time of TIMES) {
    const ns = statx[`${time}Ns`]
    fields[`${time}Ns`] = ns
    fields[`${time}Ms`] = ns / 1_000_000n
  }
  return fields
}

/** Node 20 has the dates among the fields; later ones make them when asked. */
function put(pattern: Pattern, statx: Statx, fields: Fields): Record<string | symbol, unknown> {
  const stats = new pattern.make()
  for (const key of pattern.keys) {
    const value = fields[key]
    stats[key] = value ?? new Date(Math.round(Number(fields[`${key}Ms`])))
  }
  for (const [symbol, time] of pattern.parts) stats[symbol] = statx[NSEC[time]]
  return stats
}

export function statsOf(statx: Statx, isBig: boolean): Stats | BigIntStats {
  if (isBig) return put(pattern(true), statx, bigFields(statx)) as unknown as BigIntStats
  const fields = common(statx)
  withTimes(statx, fields)
  return put(pattern(false), statx, fields) as unknown as Stats
}

const MASK = STATX_BASIC_STATS | STATX_BTIME
const found = new Int32Array(STATX_BYTES >> 2)

/** What is known of a path, or of an open file, if it is at hand: nobody waits. `flags`: AT_SYMLINK_NOFOLLOW. */
export function statAtHand(of: string | Buffer | number, flags = 0): Statx | undefined {
  const at = addressOf(found)
  const res =
    typeof of === 'number'
      ? statFileAtHand(of, flags, MASK, at)
      : statPathAtHand(AT_FDCWD, addressOf(pathBytes(of)), flags, MASK, at)
  return res === 0 ? new Statx(found) : undefined
}
