/**
 * Who shares a loop with reads at full speed: how late timers of 1 ms fire, and how long an echo over a pipe takes. Main
 * thread.
 *
 * A round keeps 128 reads of 4 KiB of a cached file in flight, by as many loops of promises, and beside them either a
 * chain of timers or an echo: a byte written into a pipe, until a Socket on the event loop has it. `maxTurnMs=Infinity`
 * is the driver without its bound in time: a turn of it ends after 64 rounds all the same.
 */
import { closeSync, constants, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { mkdtemp, open } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHistogram } from 'node:perf_hooks'
import { Uring } from 'uring'
import { libc } from '../src/sys/libc.js'
import { addressOf } from '../src/sys/memory.js'
import type { Bench, Plan, Round, Subject } from './bench.js'
import { openSubjects } from './pools.js'
import { BACKENDS } from './rings.js'

const DEPTH = 128
const BLOCK_BYTES = 4096
const FILE_BYTES = 2 ** 20
const TIMER_MS = 1

export const bench: Bench = {
  question: 'how late are timers of 1 ms, and echoes over a pipe, while promises read at full speed? (128 in flight)',
  unit: 'reads',
  pairs: [
    ['uring/kernel', 'uring/kernel/unbounded'],
    ['uring/kernel', 'fs.FileHandle.read'],
    ['uring/threads', 'fs.FileHandle.read'],
  ],
  async settings(plan) {
    const dir = await mkdtemp(join(tmpdir(), 'uring-bench-'))
    plan.defer(() => rmSync(dir, { recursive: true, force: true }))
    const path = join(dir, 'blocks')
    writeFileSync(path, new Uint8Array(FILE_BYTES).fill(1))
    return [
      { name: 'beside=timer', open: () => openAll(plan, path, timers) },
      { name: 'beside=echo', open: () => openAll(plan, path, echoes) },
    ]
  },
}

/** What is late. Goes on until `goesOn` says no, and records microseconds. */
type Beside = (goesOn: () => boolean, record: (us: number) => void) => Promise<void>

async function openAll(plan: Plan, path: string, beside: Beside): Promise<Subject[]> {
  const openers: Record<string, (name: string) => Promise<Subject>> = {}
  for (const backend of BACKENDS) {
    for (const [suffix, maxTurnMs] of [
      ['', 1],
      ['/unbounded', Number.POSITIVE_INFINITY],
    ] as const) {
      openers[`uring/${backend}${suffix}`] = async (name) => {
        const ring = await Uring.open({ backend, maxTurnMs })
        const fd = openSync(path, 'r')
        const read = (buffer: Uint8Array, position: number) => ring.read(fd, buffer, { position })
        return {
          name,
          round: () => round(plan.roundMs, read, beside),
          async close() {
            await ring.close()
            closeSync(fd)
          },
        }
      }
    }
  }
  openers['fs.FileHandle.read'] = async (name) => {
    const handle = await open(path)
    const read = async (buffer: Uint8Array, position: number) =>
      (await handle.read(buffer, 0, BLOCK_BYTES, position)).bytesRead
    return { name, round: () => round(plan.roundMs, read, beside), close: () => handle.close() }
  }
  openers['nothing'] = async (name) => ({ name, round: () => round(plan.roundMs, undefined, beside) })
  return openSubjects(plan, openers)
}

type Read = (buffer: Uint8Array, position: number) => Promise<number>

/** Latencies are those of what goes on beside the reads; without `read` nothing does, and those are counted. */
async function round(roundMs: number, read: Read | undefined, beside: Beside): Promise<Round> {
  const ns = createHistogram()
  const startMs = performance.now()
  let isOver = false
  let nrReads = 0
  const loop = async (lane: number) => {
    if (read === undefined) return
    const buffer = new Uint8Array(BLOCK_BYTES)
    for (let i = lane; !isOver; i += DEPTH) {
      const nrBytes = await read(buffer, (i * BLOCK_BYTES) % FILE_BYTES)
      if (nrBytes !== BLOCK_BYTES) throw new Error(`a read gave ${nrBytes} bytes`)
      nrReads++
    }
  }
  const goesOn = () => performance.now() - startMs < roundMs
  const other = beside(goesOn, (us) => ns.record(Math.max(1, Math.round(us * 1000)))).finally(() => {
    isOver = true
  })
  await Promise.all([other, ...Array.from({ length: DEPTH }, (_, lane) => loop(lane))])
  const seconds = (performance.now() - startMs) / 1000
  return {
    opsPerSec: (read === undefined ? ns.count : nrReads) / seconds,
    p50Us: ns.percentile(50) / 1000,
    p99Us: ns.percentile(99) / 1000,
    maxUs: ns.max / 1000,
  }
}

/** One timer after the other; each is late by what it fires after its millisecond. */
async function timers(goesOn: () => boolean, record: (us: number) => void): Promise<void> {
  do {
    const startMs = performance.now()
    await new Promise((resolve) => setTimeout(resolve, TIMER_MS))
    record((performance.now() - startMs - TIMER_MS) * 1000)
  } while (goesOn())
}

/** One byte after the other, each from its write until the Socket has it. */
async function echoes(goesOn: () => boolean, record: (us: number) => void): Promise<void> {
  const fds = new Int32Array(2)
  const res = libc('pipe2')(addressOf(fds), constants.O_NONBLOCK)
  if (res < 0) throw new Error(`pipe2 answers ${res}`)
  const [from, to] = fds as unknown as [number, number]
  const socket = new Socket({ fd: from, readable: true, writable: false })
  let arrived = () => {}
  socket.on('data', () => arrived())
  do {
    const back = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const startMs = performance.now()
    writeSync(to, 'x')
    await back
    record((performance.now() - startMs) * 1000)
  } while (goesOn())
  socket.destroy()
  closeSync(to)
}
