/**
 * Reads and writes at a file's own position, many in flight together: every byte that a promise acknowledged is there, in
 * the order of issue. Main thread, both backends. Drawn from a seed.
 *
 * 32 callers share an fd. Sizes are from nothing to beyond what a worker is given; some are vectored, cancelled, linked,
 * handed to a worker, or read; the file may become no longer than a limit that comes and goes, so some are short. What each
 * answered is replayed on a plain array, which must be the file then.
 */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Uring } from '../../src/driver/uring.js'
import { Prng } from '../model/prng.js'
import { limitTo, RLIMIT_FSIZE } from '../rlimit.js'

export interface Positions {
  readonly backend: 'kernel' | 'threads'
  readonly rounds: number
  readonly seed: number
}

const NR_CALLERS = 32
const NR_TURNS = 12
const SIZES = [0, 1, 1, 10, 10, 100, 100, 4096, 4096, 5000, 65_536, 200_000, 1_100_000]
const PATTERN_BYTES = 251
/** Bytes that tell where they were taken from, and an array of every operation's begins elsewhere in them. */
const PATTERN = Uint8Array.from({ length: 2_000_000 }, (_, i) => i % PATTERN_BYTES)

/** An operation as it was issued, and the bytes that it moved. */
interface Done {
  readonly isRead: boolean
  readonly bytes: Uint8Array
  moved: number
}

export async function stressPositions({ backend, rounds, seed }: Positions): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'uring-positions-'))
  const unlimited = limitTo(RLIMIT_FSIZE, 0n)
  limitTo(RLIMIT_FSIZE, unlimited)
  const counts = { moved: 0, short: 0, refused: 0 }
  const ring = await Uring.open({ backend })
  try {
    for (let round = 0; round < rounds; round++) {
      const rng = new Prng(seed + round)
      const path = join(directory, `${round}`)
      const fd = openSync(path, rng.oneIn(4) ? 'a+' : 'w+')
      const done: Done[] = []
      await Promise.all(Array.from({ length: NR_CALLERS }, () => call(ring, fd, rng, done, unlimited)))
      limitTo(RLIMIT_FSIZE, unlimited)
      for (const { bytes, moved } of done) {
        if (moved === bytes.length) counts.moved++
        else if (moved > 0) counts.short++
        else counts.refused++
      }
      closeSync(fd)
      compare(readFileSync(path), done, `seed ${seed + round}`)
      rmSync(path)
    }
  } finally {
    limitTo(RLIMIT_FSIZE, unlimited)
    await ring.destroy()
    rmSync(directory, { recursive: true, force: true })
  }
  return `${backend}: ${rounds} rounds: ${counts.moved} whole, ${counts.short} short, ${counts.refused} refused`
}

/** One caller: some operations, each awaited or not. */
async function call(ring: Uring, fd: number, rng: Prng, done: Done[], unlimited: bigint): Promise<void> {
  const pending: Promise<void>[] = []
  for (let turn = 0; turn < NR_TURNS; turn++) {
    if (rng.oneIn(20)) limitTo(RLIMIT_FSIZE, rng.oneIn(4) ? BigInt(rng.int(30_000_000)) : unlimited)
    const link = rng.oneIn(8)
    pending.push(issue(ring, fd, rng, done, link))
    if (link) pending.push(issue(ring, fd, rng, done, false))
    const pause = rng.int(4)
    if (pause < 2) await pending.at(-1)
    else if (pause === 2) await new Promise(setImmediate)
  }
  await Promise.all(pending)
}

async function issue(ring: Uring, fd: number, rng: Prng, done: Done[], link: boolean): Promise<void> {
  const isRead = rng.oneIn(8)
  const bytes = new Uint8Array(rng.pick(SIZES))
  const record: Done = { isRead, bytes, moved: 0 }
  if (!isRead) bytes.set(PATTERN.subarray(done.length * 7, done.length * 7 + bytes.length))
  done.push(record)
  const abort = new AbortController()
  const isCancelled = rng.oneIn(6)
  const options = { link, signal: abort.signal, ...(rng.oneIn(3) ? { async: true } : {}) }
  const half = bytes.length >> 1
  const parts = [bytes.subarray(0, half), bytes.subarray(half)]
  const promise = rng.oneIn(3)
    ? isRead
      ? ring.readv(fd, parts, null, options)
      : ring.writev(fd, parts, null, options)
    : isRead
      ? ring.read(fd, bytes, options)
      : ring.write(fd, bytes, options)
  if (isCancelled) {
    if (rng.oneIn(2)) setImmediate(() => abort.abort())
    else abort.abort()
  }
  try {
    record.moved = await promise
  } catch (error) {
    const { code = '' } = error as { code?: string }
    assert.ok(['ABORT_ERR', 'ECANCELED', 'EFBIG'].includes(code), String(error))
  }
}

/** Replays what was acknowledged, in the order of issue. */
function compare(file: Buffer, done: readonly Done[], where: string): void {
  const expected = Buffer.alloc(file.length)
  let at = 0
  done.forEach(({ isRead, bytes, moved }, i) => {
    const part = bytes.subarray(0, moved)
    if (isRead) {
      assert.equal(Buffer.compare(expected.subarray(at, at + moved), part), 0, `${where}: read ${i} at ${at}`)
    } else {
      assert.ok(at + moved <= file.length, `${where}: write ${i} of ${moved} bytes at ${at} is not in the file`)
      expected.set(part, at)
    }
    at += moved
  })
  if (Buffer.compare(expected, file) !== 0) {
    const first = expected.findIndex((byte, i) => byte !== file[i])
    assert.fail(`${where}: byte ${first} of ${file.length} is ${file[first]}, not ${expected[first]}`)
  }
  assert.equal(file.length, at, `${where}: length`)
}
