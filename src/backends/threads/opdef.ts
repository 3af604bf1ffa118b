/**
 * The table of operations: opcode -> name, prep, issue, what it needs. Read by the owner and by workers; checked for
 * gaps at load.
 *
 * An opcode without an entry is refused as the kernel refuses an unknown one, and missing from the probe. Counterpart:
 * io_uring/opdef.c.
 */
import * as abi from '../../abi/constants.js'
import { assert } from '../../lib/assert.js'
import { cancelPrep, cancelTryIssue } from './cancel.js'
import type { OpDef } from './op.js'
import { nopIssue, nopPrep, nopTryIssue } from './ops/nop.js'
import { closePrep, closeTryIssue, openatIssue, openatPrep, openatTryIssue } from './ops/openclose.js'
import { readIssue, readTryIssue, rwPrep, rwvPrep, writeIssue, writeTryIssue } from './ops/rw.js'
import { statxIssue, statxPrep, statxTryIssue } from './ops/statx.js'
import { fsyncIssue, fsyncPrep } from './ops/sync.js'

const transfer = { fd: 'file', unbounded: true, transfer: true } as const
const reading = { ...transfer, tryIssue: readTryIssue, issue: readIssue, bufferSelect: true } as const
const writing = { ...transfer, tryIssue: writeTryIssue, issue: writeIssue, hashed: true } as const

// biome-ignore format: table
const TABLE: readonly (readonly [opcode: number, def: OpDef])[] = [
  [abi.IORING_OP_NOP,          { name: 'NOP',          prep: nopPrep,    tryIssue: nopTryIssue,    issue: nopIssue }],
  [abi.IORING_OP_READV,        { name: 'READV',        prep: rwvPrep,    ...reading }],
  [abi.IORING_OP_WRITEV,       { name: 'WRITEV',       prep: rwvPrep,    ...writing }],
  [abi.IORING_OP_FSYNC,        { name: 'FSYNC',        prep: fsyncPrep,  issue: fsyncIssue,        fd: 'file', neverFails: true }],
  [abi.IORING_OP_ASYNC_CANCEL, { name: 'ASYNC_CANCEL', prep: cancelPrep, tryIssue: cancelTryIssue }],
  [abi.IORING_OP_OPENAT,       { name: 'OPENAT',       prep: openatPrep, tryIssue: openatTryIssue, issue: openatIssue, fd: 'dir', path: true }],
  [abi.IORING_OP_CLOSE,        { name: 'CLOSE',        prep: closePrep,  tryIssue: closeTryIssue }],
  [abi.IORING_OP_STATX,        { name: 'STATX',        prep: statxPrep,  tryIssue: statxTryIssue,  issue: statxIssue, fd: 'dir', neverFails: true, concurrent: true, path: true }],
  [abi.IORING_OP_READ,         { name: 'READ',         prep: rwPrep,     ...reading }],
  [abi.IORING_OP_WRITE,        { name: 'WRITE',        prep: rwPrep,     ...writing }],
]

const defs: (OpDef | undefined)[] = new Array(abi.IORING_OP_LAST).fill(undefined)
for (const [opcode, def] of TABLE) {
  assert(defs[opcode] === undefined, `opcode ${opcode} stands in the table once`)
  assert(def.name === abi.OPCODE_NAMES[opcode], `${def.name} stands at its own opcode`)
  assert(def.tryIssue !== undefined || def.issue !== undefined, `${def.name} can be issued somewhere`)
  defs[opcode] = def
}

/** The operation's entry; undefined for an opcode not there. */
export function opdef(opcode: number): OpDef | undefined {
  return defs[opcode]
}
