/**
 * The backends that a body runs on: each with a Syscalls of this thread, or with the reason why it cannot run here.
 *
 * Main thread of a test file. A backend is tried once, by making a ring; what it then lacks is the business of skips.ts.
 */
import { IORING_REGISTER_PROBE, IOSQE_CQE_SKIP_SUCCESS } from '../../src/abi/constants.js'
import { PARAMS } from '../../src/abi/params.js'
import { PROBE, PROBE_OP } from '../../src/abi/structs.js'
import type { Syscalls } from '../../src/abi/syscalls.js'
import { ENOSYS, EPERM, errnoName } from '../../src/lib/errno.js'
import { prepNop, setFlags } from '../../src/ring/prep.js'
import { queueInit } from '../../src/ring/ring.js'

export type BackendName = Syscalls['name']

export interface Backend {
  readonly name: BackendName
  /** This thread's system calls; undefined where `missing` says why. */
  readonly syscalls: Syscalls | undefined
  /** Why it cannot run here, in words. */
  readonly missing: string | undefined
  /** Opcodes that its probe reports. */
  readonly opcodes: ReadonlySet<number>
  /** IORING_FEAT_* that its setup reports. */
  readonly features: number
}

const CLASSES: Readonly<Record<BackendName, readonly [module: string, exported: string]>> = {
  kernel: ['../../src/backends/kernel/index.js', 'KernelSyscalls'],
  threads: ['../../src/backends/threads/index.js', 'ThreadsSyscalls'],
}

/** URING_BACKENDS=kernel,threads names those to run; all by default. */
const wanted = process.env['URING_BACKENDS']?.split(',')

/** Both backends, the kernel first. */
export const backends: readonly Backend[] = [await load('kernel'), await load('threads')]

async function load(name: BackendName): Promise<Backend> {
  const opcodes = new Set<number>()
  const without = (missing: string): Backend => ({ name, syscalls: undefined, missing, opcodes, features: 0 })
  if (wanted !== undefined && !wanted.includes(name)) return without('URING_BACKENDS leaves it out')
  const [module, exported] = CLASSES[name]
  let syscalls: Syscalls
  try {
    const { [exported]: Class } = (await import(module)) as Record<string, new () => Syscalls>
    if (Class === undefined) return without(`backend missing: ${module} has no ${exported}`)
    syscalls = new Class()
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    return without(code === 'ERR_MODULE_NOT_FOUND' ? 'backend missing' : `backend does not load: ${message}`)
  }
  // The first ring of a thread also sets the kernel's limit of workers: the smaller of its entries and 4 a CPU.
  const params = new Uint8Array(PARAMS.size)
  const fd = syscalls.setup(64, params)
  if (fd < 0) return without(whyNoRing(fd))
  for (const opcode of readProbe(syscalls, fd).supported) opcodes.add(opcode)
  syscalls.close(fd)
  const features = new DataView(params.buffer).getUint32(PARAMS.at.features, true)
  return { name, syscalls, missing: undefined, opcodes, features }
}

function whyNoRing(res: number): string {
  if (res === -ENOSYS) return 'no io_uring in this kernel, or a seccomp filter hides it (ENOSYS)'
  if (res === -EPERM) return 'io_uring is refused here (EPERM): kernel.io_uring_disabled, or a seccomp filter'
  return `no ring can be made (${errnoName(res)})`
}

/** What IORING_REGISTER_PROBE answers. */
export function readProbe(syscalls: Syscalls, fd: number, nrOps = 256) {
  const bytes = new Uint8Array(PROBE.size + 256 * PROBE_OP.size)
  const res = syscalls.register(fd, IORING_REGISTER_PROBE, bytes, nrOps)
  const supported: number[] = []
  const nrFilled = bytes[PROBE.at.ops_len]!
  for (let i = 0; i < nrFilled; i++) {
    const at = PROBE.size + i * PROBE_OP.size
    if (bytes[at + PROBE_OP.at.flags]! & 1) supported.push(bytes[at + PROBE_OP.at.op]!)
  }
  return { res, lastOp: bytes[PROBE.at.last_op]!, supported }
}

/** Whether a NOP with these IOSQE_* bits succeeds. */
export function takesSqeFlags(syscalls: Syscalls, sqeFlags: number): boolean {
  const ring = queueInit(syscalls, 4)
  const at = ring.sq.getSqe()
  prepNop(ring.sq.words, at)
  setFlags(ring.sq.words, at, sqeFlags)
  // Of one that succeeds without a word nothing comes; a refusal is there at once.
  ring.submitAndWait((sqeFlags & IOSQE_CQE_SKIP_SUCCESS) === 0 ? 1 : 0)
  const isRefused = ring.cq.ready() > 0 && ring.cq.res() !== 0
  ring.queueExit()
  return !isRefused
}
