/**
 * What `uring doctor` finds out and prints. The main thread runs it; loaded when the command is.
 *
 * Each backend is tried by opening a ring as programs do, never guessed from versions. Nothing is changed.
 */
import { readFileSync } from 'node:fs'
import { release } from 'node:os'
import { Worker } from 'node:worker_threads'
import * as abi from '../abi/constants.js'
import { PROBE, PROBE_OP } from '../abi/structs.js'
import { openRing } from '../driver/open.js'
import { process, URL } from '../lib/globals.js'
import { heard } from '../lib/heard.js'
import { forNode } from '../lib/options.js'
import type { Ring } from '../ring/ring.js'
import { addonProblem, ffi, ffiProblem } from '../sys/ffi.js'
import { answerOf } from './answer.js'
import { measureWakeUp, type WakeUp } from './doctor-wakeup.js'

export interface BackendReport {
  readonly usable: boolean
  /** Why not, and what can be done. */
  readonly reason: string | undefined
  /** IORING_SETUP_*, IORING_FEAT_* and IORING_OP_* without their prefixes. */
  readonly setupFlags: readonly string[]
  readonly features: readonly string[]
  readonly opcodes: readonly string[]
  /** On the main thread. */
  readonly wakeUp: WakeUp | undefined
  readonly wakeUpInWorker: WakeUp | undefined
  /** Why there is no ring in a Worker, where there is one here. */
  readonly noWorker: string | undefined
}

export interface Diagnosis {
  readonly node: string
  readonly platform: string
  readonly kernel: string
  /** What calls C functions; `problem` is why nothing does, `addonProblem` why the addon does not, but koffi. */
  readonly ffi: {
    readonly provider: string | undefined
    readonly problem: string | undefined
    readonly addonProblem: string | undefined
  }
  /** What Uring.open() takes; no backend if it fails. */
  readonly auto: { readonly backend: string | undefined; readonly reason: string }
  readonly backends: { readonly kernel: BackendReport; readonly threads: BackendReport }
  /** kernel.io_uring_disabled, and limits of this process, as /proc tells. */
  readonly ioUringDisabled: string | undefined
  readonly maxLockedMemory: string | undefined
  readonly maxOpenFiles: string | undefined
  readonly notes: readonly string[]
}

const WORKER_ENTRY = new URL('./doctor-worker.js', import.meta.url)
const PROBE_OPS = 256
const WAYS = {
  pipe: 'Node polls the eventfd',
  thread: 'a thread waits for the eventfd: Node has no Pipe class to be had',
}
const LIBUV_KEEPS_A_RING_FROM = 22
/** What a ring of 256 and 1024 entries locks: two regions of whole pages. */
const RING_BYTES = 36 << 10

export async function diagnose(): Promise<Diagnosis> {
  const problem = ffiProblem()
  const limits = read('/proc/self/limits')
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    kernel: release(),
    ffi: {
      provider: problem === undefined ? ffi().provider : undefined,
      problem,
      addonProblem: addonProblem(),
    },
    auto: await automatic(),
    backends: { kernel: await report('kernel'), threads: await report('threads') },
    ioUringDisabled: read('/proc/sys/kernel/io_uring_disabled')?.trim(),
    maxLockedMemory: /^Max locked memory\s+(\S+)/m.exec(limits ?? '')?.[1],
    maxOpenFiles: /^Max open files\s+(\S+)/m.exec(limits ?? '')?.[1],
    notes: [...notes(), ...lockedNotes(limits)],
  }
}

async function automatic(): Promise<Diagnosis['auto']> {
  try {
    const { ring, reason } = await openRing({})
    const backend = ring.syscalls.name
    ring.queueExit()
    return { backend, reason }
  } catch (error) {
    return { backend: undefined, reason: (error as Error).message }
  }
}

async function report(backend: 'kernel' | 'threads'): Promise<BackendReport> {
  try {
    const { ring } = await openRing({ backend })
    const { flags, features } = ring
    const opcodes = opcodesOf(ring)
    ring.queueExit()
    const wakeUp = await measureWakeUp(backend)
    const inWorker = await measureInWorker(backend)
    return {
      usable: true,
      reason: undefined,
      setupFlags: names('IORING_SETUP_', flags),
      features: names('IORING_FEAT_', features),
      opcodes,
      wakeUp,
      wakeUpInWorker: typeof inWorker === 'string' ? undefined : inWorker,
      noWorker: typeof inWorker === 'string' ? inWorker : undefined,
    }
  } catch (error) {
    const reason = (error as Error).message
    return {
      usable: false,
      reason,
      setupFlags: [],
      features: [],
      opcodes: [],
      wakeUp: undefined,
      wakeUpInWorker: undefined,
      noWorker: undefined,
    }
  }
}

/** The constants with a prefix whose bit is set, by what follows it. */
function names(prefix: string, bits: number): string[] {
  return Object.entries(abi).flatMap(([name, value]) =>
    name.startsWith(prefix) && typeof value === 'number' && (bits & value) !== 0 ? name.slice(prefix.length) : [],
  )
}

function opcodesOf(ring: Ring): string[] {
  const bytes = new Uint8Array(PROBE.size + PROBE_OPS * PROBE_OP.size)
  if (ring.register(abi.IORING_REGISTER_PROBE, bytes, PROBE_OPS) < 0) return []
  const found: string[] = []
  for (let i = 0; i < bytes[PROBE.at.ops_len]!; i++) {
    const at = PROBE.size + i * PROBE_OP.size
    const opcode = bytes[at + PROBE_OP.at.op]!
    const isSupported = (bytes[at + PROBE_OP.at.flags]! & abi.IO_URING_OP_SUPPORTED) !== 0
    if (isSupported) found.push(abi.OPCODE_NAMES[opcode] ?? String(opcode))
  }
  return found
}

/** The figures, or why there are none. */
async function measureInWorker(backend: 'kernel' | 'threads'): Promise<WakeUp | string> {
  try {
    const worker = heard(new Worker(WORKER_ENTRY, forNode({ workerData: backend })))
    return (await answerOf(worker)) as WakeUp
  } catch (error) {
    return (error as Error).message
  }
}

function notes(): string[] {
  const major = Number(process.versions.node.split('.')[0])
  if (major < LIBUV_KEEPS_A_RING_FROM) return []
  return [
    `from Node ${LIBUV_KEEPS_A_RING_FROM} on libuv keeps rings of its own while a thread lives: after ours are closed ` +
      'the kernel keeps idle iou-wrk threads for five seconds; those of a Worker end with it at once',
  ]
}

/** What a limit of locked memory means for rings of the kernel. */
function lockedNotes(limits: string | undefined): string[] {
  const bytes = Number(/^Max locked memory\s+(\d+)/m.exec(limits ?? '')?.[1] ?? Number.NaN)
  if (Number.isNaN(bytes) || process.getuid?.() === 0) return []
  return [
    `rings of the kernel lock memory, and all of this user's may lock ${bytes} bytes: room for some ` +
      `${Math.floor(bytes / RING_BYTES)} rings of the usual size (ulimit -l). The kernel gives it back some 30 ms after ` +
      'a ring was closed; open waits for that up to 300 ms',
  ]
}

/** The diagnosis for people. */
export function text(diagnosis: Diagnosis): string {
  const { auto, backends } = diagnosis
  const lines: [label: string, value: string][] = [
    ['system', `Node ${diagnosis.node}, Linux ${diagnosis.kernel}, ${diagnosis.platform}`],
    ['FFI', ffiText(diagnosis.ffi)],
    ['auto takes', auto.backend === undefined ? `nothing: ${auto.reason}` : `${auto.backend} (${auto.reason})`],
  ]
  for (const [name, found] of Object.entries(backends)) {
    lines.push([name, found.usable ? 'works' : `does not work: ${found.reason}`])
    if (!found.usable) continue
    lines.push(['  set up with', found.setupFlags.join(', ')])
    lines.push(['  features', found.features.join(', ')])
    lines.push([`  ${found.opcodes.length} operations`, found.opcodes.join(', ')])
    for (const [label, wakeUp] of [
      ['  wake-up', found.wakeUp],
      ['  in a Worker', found.wakeUpInWorker],
    ] as const) {
      if (wakeUp === undefined) continue
      lines.push([label, `p50 ${wakeUp.p50Us} us, p99 ${wakeUp.p99Us} us, ${WAYS[wakeUp.way]}`])
    }
    if (found.noWorker !== undefined) lines.push(['  in a Worker', `does not work: ${found.noWorker}`])
  }
  lines.push(['limits', `locked memory ${diagnosis.maxLockedMemory}, open files ${diagnosis.maxOpenFiles}`])
  for (const note of diagnosis.notes) lines.push(['note', note])
  const width = Math.max(...lines.map(([label]) => label.length))
  return lines.map(([label, value]) => `${label.padEnd(width)}  ${value}\n`).join('')
}

function ffiText({ provider, problem, addonProblem }: Diagnosis['ffi']): string {
  if (provider === undefined) return `none: ${problem}`
  return addonProblem === undefined ? provider : `${provider}, for ${addonProblem}`
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
