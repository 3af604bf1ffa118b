/**
 * What a program needs that a backend does not have, in words. Main thread of a test process.
 *
 * Operations are taken from the backend's probe, what no probe tells is tried out once, so a gap closes by itself when
 * the backend learns.
 */
import * as abi from '../../src/abi/constants.js'
import type { Syscalls } from '../../src/abi/syscalls.js'
import { queueInit } from '../../src/ring/ring.js'
import { type Backend, takesSqeFlags } from '../conformance/backends.js'
import { REGISTERS } from '../conformance/skips.js'
import { isWaiter, type Op, type Program, usesFixed } from './program.js'

const OPCODES: Readonly<Partial<Record<Op['op'], number>>> = {
  timeout: abi.IORING_OP_TIMEOUT,
  'link timeout': abi.IORING_OP_LINK_TIMEOUT,
  poll: abi.IORING_OP_POLL_ADD,
  'sync range': abi.IORING_OP_SYNC_FILE_RANGE,
  fallocate: abi.IORING_OP_FALLOCATE,
  ftruncate: abi.IORING_OP_FTRUNCATE,
  fadvise: abi.IORING_OP_FADVISE,
  madvise: abi.IORING_OP_MADVISE,
  openat2: abi.IORING_OP_OPENAT2,
  unlinkat: abi.IORING_OP_UNLINKAT,
  renameat: abi.IORING_OP_RENAMEAT,
  mkdirat: abi.IORING_OP_MKDIRAT,
  symlinkat: abi.IORING_OP_SYMLINKAT,
  linkat: abi.IORING_OP_LINKAT,
  setxattr: abi.IORING_OP_SETXATTR,
  fsetxattr: abi.IORING_OP_FSETXATTR,
  getxattr: abi.IORING_OP_GETXATTR,
  fgetxattr: abi.IORING_OP_FGETXATTR,
  splice: abi.IORING_OP_SPLICE,
  tee: abi.IORING_OP_TEE,
  pipe: abi.IORING_OP_PIPE,
}
const REMOVES = { timeout: abi.IORING_OP_TIMEOUT_REMOVE, poll: abi.IORING_OP_POLL_REMOVE } as const

/** Setup flags that generate.ts gives to some; the others it gives are everywhere. */
const LAYOUTS = {
  CQE32: abi.IORING_SETUP_CQE32,
  SQE128: abi.IORING_SETUP_SQE128,
  CQE_MIXED: abi.IORING_SETUP_CQE_MIXED,
} as const

const tried = new Map<string, boolean>()

function tryOnce(key: string, attempt: () => boolean): boolean {
  const known = tried.get(key) ?? attempt()
  tried.set(key, known)
  return known
}

function takesSetup(syscalls: Syscalls, flags: number): boolean {
  return tryOnce(`${syscalls.name} setup ${flags}`, () => {
    try {
      queueInit(syscalls, 4, { flags }).queueExit()
      return true
    } catch {
      return false
    }
  })
}

function takesDrain(syscalls: Syscalls): boolean {
  return tryOnce(`${syscalls.name} drain`, () => takesSqeFlags(syscalls, abi.IOSQE_IO_DRAIN))
}

/** Why the backend cannot run the program, each reason once; empty if it can. */
export function gapsOf(program: Program, backend: Backend & { syscalls: Syscalls }): string[] {
  const { name, syscalls, opcodes } = backend
  const gaps = new Set<string>()
  const needOpcode = (opcode: number) => {
    if (!opcodes.has(opcode)) gaps.add(`no ${abi.OPCODE_NAMES[opcode]}`)
  }
  const needRegister = (opcode: number) => {
    if (REGISTERS[name]?.has(opcode) === false) gaps.add(`no ${abi.REGISTER_NAMES[opcode]}`)
  }
  for (const [flag, bit] of Object.entries(LAYOUTS)) {
    if ((program.setupFlags & bit) !== 0 && !takesSetup(syscalls, bit)) gaps.add(`no IORING_SETUP_${flag}`)
  }
  if (usesFixed(program)) needRegister(abi.IORING_REGISTER_FILES)
  for (const step of program.steps) {
    if (step.step === 'sync cancel') needRegister(abi.IORING_REGISTER_SYNC_CANCEL)
    if (step.step !== 'chain') continue
    for (const { flags, op } of step.members) {
      const opcode = op.op === 'remove' ? REMOVES[op.what] : OPCODES[op.op]
      if (opcode !== undefined) needOpcode(opcode)
      // What nobody writes to is let go by a cancel in the end, which a drain must not hold back.
      if (op.op === 'timeout' && isWaiter(op)) needRegister(abi.IORING_REGISTER_SYNC_CANCEL)
      if ((flags & abi.IOSQE_IO_DRAIN) !== 0 && !takesDrain(syscalls)) gaps.add('no IOSQE_IO_DRAIN')
    }
  }
  if (program.companion !== undefined) for (const gap of gapsOf(program.companion, backend)) gaps.add(gap)
  return [...gaps]
}
