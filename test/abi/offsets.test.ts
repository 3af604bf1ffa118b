/**
 * Holds the tables of src/abi to the kernel's C header: offsets and sizes of all fields, and all constants.
 *
 * Main thread. Twice: against offsets.json, which a new header gave, and where a C compiler and the header are present
 * against the header of this machine, which may be older. To renew the stored copy, for a new field or a new kernel:
 *
 *     URING_ABI_RENEW=1 URING_ABI_INCLUDE=<folder> npm test -- abi/offsets
 *
 * where the folder has the newest headers, as `make headers_install` puts them (strace carries them too, in its
 * bundled/linux/include/uapi); without it, the compiler's own are taken. Then read the difference.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import * as adviceModule from '../../src/abi/advice.js'
import * as callsModule from '../../src/abi/calls.js'
import * as constantsModule from '../../src/abi/constants.js'
import { CQE } from '../../src/abi/cqe.js'
import { PARAMS } from '../../src/abi/params.js'
import * as processModule from '../../src/abi/process.js'
import * as socketModule from '../../src/abi/socket.js'
import { SQE } from '../../src/abi/sqe.js'
import * as structsModule from '../../src/abi/structs.js'
import * as errnoModule from '../../src/lib/errno.js'
import type { Layout } from '../../src/lib/layout.js'
import { disagreeing, type Measured, measure } from './c-header.js'

const STORED = new URL('../../../test/abi/offsets.json', import.meta.url)

/** Structs inside structs, which the tables lay flat: a field `ts_tv_sec` is C's ts.tv_sec. */
const INNER: Readonly<Record<string, readonly string[]>> = {
  io_uring_params: ['sq_off', 'cq_off'],
  io_uring_reg_wait: ['ts'],
  io_uring_sync_cancel_reg: ['timeout'],
  statx: ['stx_atime', 'stx_btime', 'stx_ctime', 'stx_mtime'],
}

/** Fields whose name in C is another. */
const C_NAMES: Readonly<Record<string, string>> = {
  'io_uring_sqe.pad2': '__pad2',
  'io_uring_params.resv0': 'resv[0]',
  'io_uring_params.resv1': 'resv[1]',
  'io_uring_params.resv2': 'resv[2]',
  'futex_waitv.reserved': '__reserved',
  'io_uring_clock_register.resv': '__resv',
  'io_uring_query_hdr.resv': '__resv',
  'io_uring_query_opcode.pad': '__pad',
  'siginfo.si_pad': '_si_pad',
  'sockaddr_in.pad': '__pad',
  'statx_timestamp.reserved': '__reserved',
  'statx.spare0': '__spare0',
  'statx.spare2': '__spare2',
  'statx.spare3': '__spare3',
}

/** Constants that say which kernel a header is of: not compared. */
const OF_A_RELEASE = new Set(['IORING_OP_LAST', 'IORING_REGISTER_LAST'])

/** The kernel's own, which its headers tell nobody. */
const UNTOLD = new Set(['ERESTARTSYS'])

/** Structs whose layout the machine decides; the stored copy is of x64. */
const OF_A_MACHINE = new Set(['epoll_event'])

const modules: Record<string, unknown>[] = [
  ...[constantsModule, adviceModule, processModule, socketModule],
  ...[callsModule, errnoModule], // what constants.ts exports is posix.ts too
]
const layouts: Layout<string>[] = [
  ...[SQE, CQE, PARAMS, ...Object.values(structsModule)],
  ...modules.flatMap((module) => Object.values(module)).filter(isLayout),
]
const constants = modules
  .flatMap((module) => Object.entries(module))
  .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  .filter(([name]) => !OF_A_RELEASE.has(name) && !UNTOLD.has(name))
const includeDirs = (process.env['URING_ABI_INCLUDE'] ?? '').split(':').filter((path) => path !== '')
const installed = measure(
  layouts.map(({ name, fields }) => ({ name, fields: fields.map((field) => [field.name, cName(name, field.name)]) })),
  constants.map(([name]) => name),
  includeDirs,
)

const onArm =
  process.arch === 'x64' ? disagreeing('aarch64-linux-gnu-gcc', await elsewhere()) : 'this machine is no x64'

if (process.env['URING_ABI_RENEW'] === '1') {
  assert.ok(typeof installed !== 'string', `nothing to store: ${installed}`)
  writeFileSync(STORED, storedText(installed))
}

test('the tables agree with the stored copy of the kernel header', () => {
  const stored = JSON.parse(readFileSync(STORED, 'utf8')) as Measured
  const { violations, absent, summary } = compare(stored)
  console.log(`stored copy (${stored.from}): ${summary}`)
  // O_* differ between machines, and are not stored.
  violations.push(...absent.filter((name) => !/^O_/.test(name)).map((name) => `${name}: not stored, renew the copy`))
  none(violations)
})

const reason = typeof installed === 'string' && `cannot measure the installed header: ${installed}`

test('the tables agree with the header of this machine', { skip: reason }, () => {
  assert.ok(typeof installed !== 'string')
  // Padding shrinks as new kernels name more of it, so the header of this machine cannot speak for it.
  const { violations, absent, summary } = compare(installed, isPadding)
  console.log(`header of this machine (${installed.from}), compiled: ${summary}; ${absent.length} not in it`)
  none(violations)
  assert.ok('io_uring_sqe' in installed.structs && 'IORING_OP_NOP' in installed.constants, 'measured nothing')
})

test('the numbers are those of arm64 too', { skip: typeof onArm === 'string' && onArm }, () => {
  assert.ok(typeof onArm !== 'string')
  console.log(`headers of arm64: ${onArm.nrKnown} of ${constants.length} constants compared`)
  none(onArm.others)
  assert.ok(onArm.nrKnown > constants.length / 2, 'compared few')
})

test('errors stand in the order of their numbers', () => {
  const numbers = Object.values(errnoModule).filter((value) => typeof value === 'number')
  const inText = readFileSync(new URL('../../../src/lib/errno.ts', import.meta.url), 'utf8').matchAll(
    /^export const E\w+ = (\d+)$/gm,
  )
  const found = Array.from(inText, ([, value]) => Number(value))
  assert.deepEqual(
    found,
    found.toSorted((a, b) => a - b),
  )
  assert.equal(found.length, numbers.length)
})

test('opcode names follow the constants', () => {
  const { OPCODE_NAMES } = constantsModule
  const opcodes = constants.filter(([name]) => name.startsWith('IORING_OP_'))
  assert.deepEqual(
    [...OPCODE_NAMES.entries()].map(([opcode, name]) => [`IORING_OP_${name}`, opcode]),
    opcodes.sort(([, a], [, b]) => a - b),
  )
  assert.ok(Object.isFrozen(OPCODE_NAMES))
})

test('names of register calls follow the constants', () => {
  const { REGISTER_NAMES } = constantsModule
  const found = Object.fromEntries(constants)
  for (const [opcode, name] of REGISTER_NAMES.entries()) assert.equal(found[`IORING_${name}`], opcode, name)
  assert.equal(REGISTER_NAMES.length, constantsModule.IORING_REGISTER_BPF_FILTER + 1)
})

test('the ends of the opcodes are those of Linux 6.18', () => {
  assert.equal(constantsModule.IORING_OP_LAST, constantsModule.IORING_OP_PIPE + 1)
  assert.equal(constantsModule.IORING_REGISTER_LAST, constantsModule.IORING_REGISTER_QUERY + 1)
})

/** The same with what `posix.ts` has on the other machine. */
async function elsewhere(): Promise<(readonly [string, number])[]> {
  const { arch } = process
  Object.defineProperty(process, 'arch', { value: 'arm64' })
  const there: Record<string, number> = await import(new URL('../../src/abi/posix.js?arm64', import.meta.url).href)
  Object.defineProperty(process, 'arch', { value: arch })
  return constants.map(([name, value]) => [name, there[name] ?? value])
}

/** Every difference between the tables and `header`, what it does not name, and how much was compared. */
function compare(header: Measured, leaveOut: (field: string) => boolean = () => false) {
  const violations: string[] = []
  const absent: string[] = []
  let nrFields = 0
  let nrConstants = 0
  const isForeign = !header.from.endsWith(process.arch)
  for (const { name, size, fields } of layouts) {
    if (isForeign && OF_A_MACHINE.has(name)) continue
    const theirs = header.structs[name]
    if (theirs === undefined) {
      absent.push(name)
      continue
    }
    // Our tables are whole words.
    if (Math.ceil(theirs.size / 4) * 4 !== size) violations.push(`sizeof ${name}: table ${size}, header ${theirs.size}`)
    for (const field of fields) {
      const at = theirs.fields[field.name]
      if (leaveOut(field.name)) continue
      if (at === undefined) {
        absent.push(`${name}.${field.name}`)
        continue
      }
      nrFields++
      const [offset, bytes] = at
      if (offset !== field.offset) {
        violations.push(`${name}.${field.name}: table at ${field.offset}, header at ${offset}`)
      }
      if (bytes !== 0 && bytes !== field.bytes) {
        violations.push(`${name}.${field.name}: table ${field.bytes} bytes, header ${bytes}`)
      }
    }
  }
  for (const [name, value] of constants) {
    const theirs = header.constants[name]
    if (theirs === undefined) {
      absent.push(name)
      continue
    }
    nrConstants++
    if (theirs !== value) violations.push(`${name}: ours ${value}, header ${theirs}`)
  }
  return { violations, absent, summary: `${nrFields} fields and ${nrConstants} constants compared` }
}

function isLayout(value: unknown): value is Layout<string> {
  return typeof value === 'object' && value !== null && 'fields' in value
}

function cName(struct: string, field: string): string {
  const inner = INNER[struct]?.find((name) => field.startsWith(`${name}_`))
  if (inner !== undefined) return `${inner}.${field.slice(inner.length + 1)}`
  return C_NAMES[`${struct}.${field}`] ?? field
}

function isPadding(field: string): boolean {
  return /(^|_)(resv|pad|spare|reserved)\d*$/.test(field)
}

/** O_* are left out: they differ between machines. */
function storedText({ constants, ...rest }: Measured): string {
  const kept = Object.entries(constants).filter(([name]) => !/^O_/.test(name))
  const text = JSON.stringify({ ...rest, constants: Object.fromEntries(kept) }, null, 2)
  return `${text.replace(/\[\n +(\d+),\n +(\d+)\n +\]/g, '[$1, $2]')}\n`
}

/** Fails, naming all of them, unless there are none. */
function none(violations: string[]): void {
  assert.ok(violations.length === 0, `\n  ${violations.join('\n  ')}`)
}
