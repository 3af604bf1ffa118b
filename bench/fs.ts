/**
 * `uring/fs` beside node:fs/promises: the same calls on the same files, all in the page cache. Main thread.
 *
 * The thread has one ring: `URING_BACKEND=threads` measures the other backend. Each setting is one kind of call, so many in
 * flight.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import * as node from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ours from 'uring/fs'
import type { Bench, Plan, Setting, Subject } from './bench.js'
import { meterPromises } from './meter.js'

type Fs = typeof node

const NODES = 'node:fs/promises'
const OURS = 'uring/fs'
const FILE_BYTES = 3000
const BLOCK_BYTES = 4096

/** A call, made anew and anew: `i` counts them, `lane` is one of those in flight. */
type Call = (i: number, lane: number) => Promise<unknown>

interface Kind {
  readonly name: string
  readonly inFlight: readonly number[]
  /** `folder` has the files 0 to nrFiles - 1. */
  open(fs: Fs, folder: string, nrFiles: number): Promise<{ call: Call; close?: () => Promise<unknown> }>
}

const KINDS: readonly Kind[] = [
  {
    name: 'readFile',
    inFlight: [1, 64],
    open: async (fs, folder, nrFiles) => ({ call: (i) => fs.readFile(join(folder, `${i % nrFiles}`)) }),
  },
  {
    name: 'writeFile',
    inFlight: [1, 64],
    async open(fs, folder, nrFiles) {
      const bytes = Buffer.alloc(FILE_BYTES, 'y')
      return { call: (i) => fs.writeFile(join(folder, `w${i % nrFiles}`), bytes) }
    },
  },
  {
    name: 'stat',
    inFlight: [1, 64],
    open: async (fs, folder, nrFiles) => ({ call: (i) => fs.stat(join(folder, `${i % nrFiles}`)) }),
  },
  {
    name: 'open-close',
    inFlight: [1, 64],
    open: async (fs, folder, nrFiles) => ({
      call: async (i) => (await fs.open(join(folder, `${i % nrFiles}`))).close(),
    }),
  },
  {
    name: 'FileHandle.read',
    inFlight: [1, 32],
    async open(fs, folder) {
      const handle = await fs.open(join(folder, 'blocks'))
      const buffers = Array.from({ length: 32 }, () => new Uint8Array(BLOCK_BYTES))
      const call: Call = (i, lane) => handle.read(buffers[lane]!, 0, BLOCK_BYTES, (i % 200) * BLOCK_BYTES)
      return { call, close: () => handle.close() }
    },
  },
]

export const bench: Bench = {
  question: 'how many calls a second, so many in flight?',
  unit: 'calls',
  pairs: [[OURS, NODES]],
  async settings(plan) {
    const nrFiles = plan.isQuick ? 20 : 2000
    const folder = join(tmpdir(), `uring-bench-fs-${process.pid}`)
    mkdirSync(folder)
    plan.defer(() => rmSync(folder, { recursive: true, force: true }))
    for (let i = 0; i < nrFiles; i++) writeFileSync(join(folder, `${i}`), Buffer.alloc(FILE_BYTES, 'x'))
    writeFileSync(join(folder, 'blocks'), Buffer.alloc(200 * BLOCK_BYTES, 'z'))
    return KINDS.flatMap((kind) => kind.inFlight.map((depth) => setting(plan, kind, depth, folder, nrFiles)))
  },
}

function setting(plan: Plan, kind: Kind, depth: number, folder: string, nrFiles: number): Setting {
  return {
    name: `${kind.name} depth=${depth}`,
    open: () =>
      Promise.all([
        subject(plan, OURS, ours, kind, depth, folder, nrFiles),
        subject(plan, NODES, node, kind, depth, folder, nrFiles),
      ]),
  }
}

async function subject(
  plan: Plan,
  name: string,
  fs: Fs,
  kind: Kind,
  depth: number,
  folder: string,
  nrFiles: number,
): Promise<Subject> {
  const { call, close } = await kind.open(fs, folder, nrFiles)
  return {
    name,
    round() {
      let i = 0
      return meterPromises(
        plan.roundMs,
        depth,
        (lane) => call(i++, lane),
        () => {},
      )
    },
    async close() {
      await close?.()
    },
  }
}
