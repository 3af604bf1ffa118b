/**
 * The table of operations: opcode -> name, prep, issue, properties. Read by the owner and by workers; checked for gaps
 * at load.
 *
 * An opcode without an entry is refused as the kernel refuses an unknown one, and missing from the probe. Counterpart:
 * io_uring/opdef.c.
 */
import * as abi from '../../../abi/constants.js'
import { assert } from '../../../lib/assert.js'
import type { OpDef } from '../state/op.js'
import { cancelPrep, cancelTryIssue } from '../wait/cancel.js'
import { advisePrep, fadviseIssue, fadviseTryIssue, madviseIssue } from './advise.js'
import * as fs from './fs.js'
import { nopIssue, nopPrep, nopTryIssue } from './nop.js'
import * as openclose from './openclose.js'
import { readIssue, readTryIssue, rwPrep, rwvPrep, writeIssue, writeTryIssue } from './rw.js'
import { spliceIssue, splicePrep, teeIssue, teePrep } from './splice.js'
import { statxIssue, statxPrep, statxTryIssue } from './statx.js'
import * as sync from './sync.js'
import * as timeout from './timeout.js'
import { ftruncateIssue, ftruncatePrep } from './truncate.js'
import * as xattr from './xattr.js'

const transfer = { fd: 'file', unbounded: true, transfer: true } as const
const reading = { ...transfer, polls: true, tryIssue: readTryIssue, issue: readIssue, bufferSelect: true } as const
const writing = { ...transfer, polls: true, tryIssue: writeTryIssue, issue: writeIssue, hashed: true } as const
const opening = { fd: 'dir', path: true } as const
const ofFile = { fd: 'file', neverFails: true } as const
const resizing = { ...ofFile, hashed: true } as const
const naming = { neverFails: true } as const

// biome-ignore format: table
const TABLE: readonly (readonly [opcode: number, def: OpDef])[] = [
  [abi.IORING_OP_NOP,       { name: 'NOP',       prep: nopPrep,    tryIssue: nopTryIssue, issue: nopIssue }],
  [abi.IORING_OP_READV,     { name: 'READV',     prep: rwvPrep,    ...reading }],
  [abi.IORING_OP_WRITEV,    { name: 'WRITEV',    prep: rwvPrep,    ...writing }],
  [abi.IORING_OP_FSYNC,     { name: 'FSYNC',     prep: sync.fsyncPrep,     issue: sync.fsyncIssue,     ...ofFile }],
  [abi.IORING_OP_SYNC_FILE_RANGE,
                            { name: 'SYNC_FILE_RANGE', prep: sync.syncFileRangePrep, issue: sync.syncFileRangeIssue, ...ofFile }],
  [abi.IORING_OP_TIMEOUT,   { name: 'TIMEOUT',   prep: timeout.timeoutPrep, tryIssue: timeout.timeoutTryIssue, atOnce: true }],
  [abi.IORING_OP_TIMEOUT_REMOVE, { name: 'TIMEOUT_REMOVE', prep: timeout.timeoutRemovePrep, tryIssue: timeout.timeoutRemoveTryIssue }],
  [abi.IORING_OP_LINK_TIMEOUT, { name: 'LINK_TIMEOUT', prep: timeout.linkTimeoutPrep, tryIssue: timeout.linkTimeoutTryIssue, neverFails: true }],
  [abi.IORING_OP_ASYNC_CANCEL, { name: 'ASYNC_CANCEL', prep: cancelPrep, tryIssue: cancelTryIssue }],
  [abi.IORING_OP_FALLOCATE, { name: 'FALLOCATE', prep: sync.fallocatePrep, issue: sync.fallocateIssue, ...resizing }],
  [abi.IORING_OP_OPENAT,    { name: 'OPENAT',    prep: openclose.openatPrep,  tryIssue: openclose.openatTryIssue,  issue: openclose.openatIssue,  ...opening }],
  [abi.IORING_OP_CLOSE,     { name: 'CLOSE',     prep: openclose.closePrep,   tryIssue: openclose.closeTryIssue }],
  [abi.IORING_OP_STATX,     { name: 'STATX',     prep: statxPrep,  tryIssue: statxTryIssue, issue: statxIssue, fd: 'dir', neverFails: true, concurrent: true, path: true }],
  [abi.IORING_OP_READ,      { name: 'READ',      prep: rwPrep,     ...reading }],
  [abi.IORING_OP_WRITE,     { name: 'WRITE',     prep: rwPrep,     ...writing }],
  [abi.IORING_OP_FADVISE,   { name: 'FADVISE',   prep: advisePrep, tryIssue: fadviseTryIssue, issue: fadviseIssue, fd: 'file' }],
  [abi.IORING_OP_MADVISE,   { name: 'MADVISE',   prep: advisePrep, issue: madviseIssue, neverFails: true }],
  [abi.IORING_OP_OPENAT2,   { name: 'OPENAT2',   prep: openclose.openat2Prep, tryIssue: openclose.openat2TryIssue, issue: openclose.openat2Issue, ...opening }],
  [abi.IORING_OP_SPLICE,    { name: 'SPLICE',    prep: splicePrep, issue: spliceIssue, ...transfer, hashed: true }],
  [abi.IORING_OP_TEE,       { name: 'TEE',       prep: teePrep,    issue: teeIssue,    ...transfer, hashed: true }],
  [abi.IORING_OP_RENAMEAT,  { name: 'RENAMEAT',  prep: fs.renameatPrep,  issue: fs.renameatIssue,  ...naming }],
  [abi.IORING_OP_UNLINKAT,  { name: 'UNLINKAT',  prep: fs.unlinkatPrep,  issue: fs.unlinkatIssue,  ...naming }],
  [abi.IORING_OP_MKDIRAT,   { name: 'MKDIRAT',   prep: fs.mkdiratPrep,   issue: fs.mkdiratIssue,   ...naming }],
  [abi.IORING_OP_SYMLINKAT, { name: 'SYMLINKAT', prep: fs.symlinkatPrep, issue: fs.symlinkatIssue, ...naming }],
  [abi.IORING_OP_LINKAT,    { name: 'LINKAT',    prep: fs.linkatPrep,    issue: fs.linkatIssue,    ...naming }],
  [abi.IORING_OP_FSETXATTR, { name: 'FSETXATTR', prep: xattr.fsetxattrPrep, issue: xattr.fsetxattrIssue, ...ofFile }],
  [abi.IORING_OP_SETXATTR,  { name: 'SETXATTR',  prep: xattr.setxattrPrep,  issue: xattr.setxattrIssue,  ...naming }],
  [abi.IORING_OP_FGETXATTR, { name: 'FGETXATTR', prep: xattr.fgetxattrPrep, issue: xattr.fgetxattrIssue, ...ofFile }],
  [abi.IORING_OP_GETXATTR,  { name: 'GETXATTR',  prep: xattr.getxattrPrep,  issue: xattr.getxattrIssue,  ...naming }],
  [abi.IORING_OP_FTRUNCATE, { name: 'FTRUNCATE', prep: ftruncatePrep, issue: ftruncateIssue, ...resizing }],
  [abi.IORING_OP_PIPE,      { name: 'PIPE',      prep: openclose.pipePrep, tryIssue: openclose.pipeTryIssue, issue: openclose.pipeIssue }],
]

const defs: (OpDef | undefined)[] = new Array(abi.IORING_OP_LAST).fill(undefined)
for (const [opcode, def] of TABLE) {
  assert(defs[opcode] === undefined, `opcode ${opcode} stands in the table once`)
  assert(def.name === abi.OPCODE_NAMES[opcode], `${def.name} stands at its own opcode`)
  assert(def.tryIssue !== undefined || def.issue !== undefined, `${def.name} can be issued somewhere`)
  defs[opcode] = def
}

/** The operation's entry; undefined for an unknown opcode. */
export function opdef(opcode: number): OpDef | undefined {
  return defs[opcode]
}
