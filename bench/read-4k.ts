/**
 * Random 4 KiB reads of a cached file: what a read costs when the disk costs nothing. Main thread.
 *
 * Everyone reads the same blocks in the same order, each round from the first on, into one buffer a lane. The raw ring
 * and fio keep it full: submit what is free, wait for one, take all that are there. The promises, FileHandle.read
 * and fs.read are `depth` loops. fs.readSync does one read after another whatever the depth, and is there to compare.
 */
import { closeSync, openSync, read, readSync, rmSync, writeSync } from 'node:fs'
import { mkdtemp, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Uring } from 'uring'
import { addressOf, prepRead } from 'uring/ring'
import type { Bench, Plan, Round, Subject } from './bench.js'
import { Meter, meterPromises } from './meter.js'
import { BACKENDS, type BackendName, openRing, RawLoop, usableBackends } from './rings.js'
import { type FioJob, fioRounds, hasFio } from './rivals/fio.js'

const DEPTHS = [1, 32, 128]
const BLOCK_BYTES = 4096
const FILE_BYTES = 64 * 2 ** 20
const QUICK_FILE_BYTES = 2 ** 20
const NR_OFFSETS = 2 ** 18
const FIO = 'fio/io_uring'

export const bench: Bench = {
  question: 'how many random 4 KiB reads a second of a cached file, at `depth` in flight?',
  unit: 'reads',
  pairs: [
    ['uring/kernel/raw', FIO],
    ...BACKENDS.flatMap((backend) => [
      [`uring/${backend}/raw`, 'fs.read'] as const,
      [`uring/${backend}/raw`, 'fs.FileHandle.read'] as const,
      [`uring/${backend}/promises`, 'fs.read'] as const,
      [`uring/${backend}/promises`, 'fs.FileHandle.read'] as const,
      [`uring/${backend}/promises`, 'fs.readSync'] as const,
      [`uring/${backend}/promises`, `uring/${backend}/raw`] as const,
    ]),
    ['uring/threads/raw', 'uring/kernel/raw'],
  ],
  async settings(plan) {
    const backends = await usableBackends(plan, ['raw', 'promises'])
    const file = await makeFile(plan)
    const isFioHere = await hasFio(plan, FIO, fioJob(file, 1))
    return DEPTHS.map((depth) => ({
      name: `depth=${depth}`,
      async open() {
        const subjects: Subject[] = []
        for (const backend of backends) {
          subjects.push(await rawRing(plan, file, backend, depth), await promises(plan, file, backend, depth))
        }
        subjects.push(await fileHandle(plan, file, depth), callbacks(plan, file, depth), sync(plan, file))
        if (isFioHere) subjects.push(fio(plan, file, depth))
        return subjects
      },
    }))
  },
}

interface ReadFile {
  readonly dir: string
  readonly path: string
  readonly fd: number
  readonly sizeBytes: number
  /** Where to read, in bytes: the same for everyone. */
  readonly offsets: Float64Array
}

/** A file of noise, in the page cache since it was just written. */
async function makeFile(plan: Plan): Promise<ReadFile> {
  const dir = await mkdtemp(join(tmpdir(), 'uring-bench-'))
  const path = join(dir, 'blocks')
  const sizeBytes = plan.isQuick ? QUICK_FILE_BYTES : FILE_BYTES
  const fd = openSync(path, 'w+')
  plan.defer(() => {
    closeSync(fd)
    rmSync(dir, { recursive: true, force: true })
  })
  const chunk = new Uint8Array(2 ** 20)
  const random = xorshift32(1)
  for (let at = 0; at < sizeBytes; at += chunk.byteLength) {
    for (let i = 0; i < chunk.byteLength; i += 64) chunk[i] = random()
    writeSync(fd, chunk, 0, chunk.byteLength, at)
  }
  const nrBlocks = sizeBytes / BLOCK_BYTES
  const offsets = Float64Array.from({ length: NR_OFFSETS }, () => ((random() >>> 0) % nrBlocks) * BLOCK_BYTES)
  return { dir, path, fd, sizeBytes, offsets }
}

/** Marsaglia's xorshift32: the same numbers on every run. */
function xorshift32(seed: number): () => number {
  let x = seed
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return x
  }
}

function makeBuffers(depth: number): Uint8Array[] {
  return Array.from({ length: depth }, () => new Uint8Array(BLOCK_BYTES))
}

function check(nrBytes: number): void {
  if (nrBytes !== BLOCK_BYTES) throw new Error(`a read gave ${nrBytes} bytes`)
}

async function rawRing(plan: Plan, file: ReadFile, backend: BackendName, depth: number): Promise<Subject> {
  const { fd, offsets } = file
  const ring = await openRing(backend, depth)
  const buffers = makeBuffers(depth)
  const addresses = Float64Array.from(buffers, addressOf)
  let i = 0
  const prep = (words: Int32Array, at: number, slot: number) => {
    prepRead(words, at, fd, addresses[slot]!, BLOCK_BYTES, offsets[i++ % NR_OFFSETS]!)
  }
  const loop = new RawLoop(ring, depth, 1, { prep, res: BLOCK_BYTES })
  return {
    name: `uring/${backend}/raw`,
    async round() {
      i = 0
      return loop.round(plan.roundMs)
    },
    close() {
      ring.queueExit()
      // The ring knew addresses only: this is what kept the memory alive.
      buffers.length = 0
    },
  }
}

async function promises(plan: Plan, file: ReadFile, backend: BackendName, depth: number): Promise<Subject> {
  const { fd, offsets } = file
  const ring = await Uring.open({ backend })
  const buffers = makeBuffers(depth)
  return {
    name: `uring/${backend}/promises`,
    round() {
      let i = 0
      const op = (lane: number) => ring.read(fd, buffers[lane]!, { position: offsets[i++ % NR_OFFSETS]! })
      return meterPromises(plan.roundMs, depth, op, check)
    },
    close: () => ring.close(),
  }
}

async function fileHandle(plan: Plan, file: ReadFile, depth: number): Promise<Subject> {
  const { path, offsets } = file
  const handle = await open(path)
  const buffers = makeBuffers(depth)
  return {
    name: 'fs.FileHandle.read',
    round() {
      let i = 0
      const op = (lane: number) => handle.read(buffers[lane]!, 0, BLOCK_BYTES, offsets[i++ % NR_OFFSETS]!)
      return meterPromises(plan.roundMs, depth, op, ({ bytesRead }) => check(bytesRead))
    },
    close: () => handle.close(),
  }
}

function callbacks(plan: Plan, file: ReadFile, depth: number): Subject {
  const { fd, offsets } = file
  const buffers = makeBuffers(depth)
  return {
    name: 'fs.read',
    round: () =>
      new Promise<Round>((resolve, reject) => {
        const meter = new Meter(plan.roundMs)
        let i = 0
        let nrLanes = depth
        const next = (lane: number) => {
          if (!meter.goesOn) {
            if (--nrLanes === 0) resolve(meter.round())
            return
          }
          const began = meter.begin()
          read(fd, buffers[lane]!, 0, BLOCK_BYTES, offsets[i++ % NR_OFFSETS]!, (error, bytesRead) => {
            if (error !== null) reject(error)
            else if (bytesRead !== BLOCK_BYTES) reject(new Error(`a read gave ${bytesRead} bytes`))
            else {
              meter.end(began)
              next(lane)
            }
          })
        }
        for (let lane = 0; lane < depth; lane++) next(lane)
      }),
  }
}

function sync(plan: Plan, file: ReadFile): Subject {
  const { fd, offsets } = file
  const buffer = new Uint8Array(BLOCK_BYTES)
  return {
    name: 'fs.readSync',
    async round() {
      const meter = new Meter(plan.roundMs)
      for (let i = 0; meter.goesOn; i++) {
        const began = meter.begin()
        check(readSync(fd, buffer, 0, BLOCK_BYTES, offsets[i % NR_OFFSETS]!))
        meter.end(began)
      }
      return meter.round()
    },
  }
}

function fio(plan: Plan, file: ReadFile, depth: number): Subject {
  return { name: FIO, round: fioRounds(plan, fioJob(file, depth)) }
}

function fioJob({ dir, path, sizeBytes, offsets }: ReadFile, depth: number): FioJob {
  const offsetOf = (i: number) => offsets[i % NR_OFFSETS]!
  return { path, scratchDir: dir, sizeBytes, blockBytes: BLOCK_BYTES, depth, offsetOf }
}
