/**
 * conformance(): one body, run as a node:test on every backend. Main thread of a test file.
 *
 * A body gets a Stand, which opens rings and closes them afterwards. It must not know which backend it runs on; what a
 * backend lacks is a row of skips.ts. Every test has a time limit that also holds while the thread is blocked.
 */
import { after, test } from 'node:test'
import { OPCODE_NAMES, REGISTER_NAMES } from '../../src/abi/constants.js'
import { errnoName } from '../../src/lib/errno.js'
import { type Backend, backends, takesSqeFlags } from './backends.js'
import { REGISTERS, SKIPS, type Skip } from './skips.js'
import { Stand } from './stand.js'
import { watch } from './watchdog.js'

/** What a body needs besides the operations of the milestone; a backend without it skips the body, and says so. */
export interface Needs {
  /** Opcodes that the probe must report. */
  readonly opcodes?: readonly number[]
  /** Opcodes of io_uring_register, which no probe tells: skips.ts has who lacks them. */
  readonly registers?: readonly number[]
  /** IORING_SETUP_* bits that setup must take. */
  readonly setup?: number
  /** IOSQE_* bits that a NOP must be taken with. */
  readonly sqeFlags?: number
  /** IORING_FEAT_* that setup must report. */
  readonly features?: number
}

const LIMIT_MS = 30_000

const nrBodies: Record<Backend['name'], number> = { kernel: 0, threads: 0 }
const skips: Skip[] = []

/** Registers `body` under `name` once for each backend. */
export function conformance(name: string, body: (stand: Stand) => void | Promise<void>, needs: Needs = {}): void {
  for (const backend of backends) {
    const reason = whySkipped(backend, name, needs)
    if (reason === undefined) nrBodies[backend.name]++
    else skips.push({ backend: backend.name, test: name, reason })
    test(`${name} [${backend.name}]`, { skip: reason ?? false, timeout: LIMIT_MS }, async () => {
      const done = watch(`${name} [${backend.name}]`, LIMIT_MS)
      const stand = new Stand(backend)
      try {
        await body(stand)
      } finally {
        stand.close()
        done()
      }
    })
  }
}

function whySkipped(backend: Backend, test: string, needs: Needs): string | undefined {
  if (backend.syscalls === undefined) return backend.missing
  const row = SKIPS.find((skip) => skip.backend === backend.name && skip.test === test)
  if (row !== undefined) return row.reason
  const opcodes = (needs.opcodes ?? []).filter((opcode) => !backend.opcodes.has(opcode))
  if (opcodes.length > 0) return `no ${opcodes.map((opcode) => OPCODE_NAMES[opcode]).join(', ')}`
  const known = REGISTERS[backend.name]
  const unknown = (needs.registers ?? []).filter((opcode) => known !== undefined && !known.has(opcode))
  if (unknown.length > 0) return `no ${unknown.map((opcode) => REGISTER_NAMES[opcode]).join(', ')}`
  const features = (needs.features ?? 0) & ~backend.features
  if (features !== 0) return `no feature 0x${features.toString(16)}`
  const { sqeFlags = 0 } = needs
  if (sqeFlags !== 0 && !takesSqeFlags(backend.syscalls, sqeFlags))
    return `SQE flags 0x${sqeFlags.toString(16)} are refused`
  if (needs.setup === undefined) return undefined
  const trial = new Stand(backend)
  const { res } = trial.trySetup(8, { flags: needs.setup })
  trial.close()
  return res < 0 ? `setup flags 0x${needs.setup.toString(16)} are refused (${errnoName(res)})` : undefined
}

after(() => {
  console.log(`${nrBodies.kernel} bodies on kernel, ${nrBodies.threads} on threads, ${skips.length} skips`)
  const reasons = new Map<string, string[]>()
  for (const { backend, test, reason } of skips) {
    const key = `${backend}: ${reason}`
    reasons.set(key, [...(reasons.get(key) ?? []), test])
  }
  for (const [reason, tests] of reasons) {
    console.log(`  ${reason}: ${tests.length > 3 ? `${tests.length} bodies` : `'${tests.join("', '")}'`}`)
  }
})
