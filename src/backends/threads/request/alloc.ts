/**
 * Requests: alloc, read from an SQE, free; copies of the paths they name. Owner thread only.
 *
 * A request is the payload of an io-wq item and shares its index. Counterpart: io_alloc_req, io_init_req's copying, and
 * io_free_req.
 */
import { PATH_MAX } from '../../../abi/calls.js'
import { IOSQE_ASYNC, IOSQE_IO_DRAIN, IOSQE_IO_HARDLINK, IOSQE_IO_LINK } from '../../../abi/constants.js'
import { EFAULT, ENAMETOOLONG, ENOENT } from '../../../lib/errno.js'
import { NONE } from '../../../lib/mpscq.js'
import { unlistFd } from '../../../sys/leavings.js'
import { libc } from '../../../sys/libc.js'
import { addressOf, copyIn } from '../../../sys/memory.js'
import { keyOf } from '../state/by-user-data.js'
import type { IoRingCtx } from '../state/ctx.js'
import { POLL_NONE, REQ_F_ASYNC, TW_COMPLETE } from '../state/layout.js'
import {
  R_ADDR,
  R_BUF_INDEX,
  R_CTX,
  R_DONE,
  R_FD,
  R_FILE_INDEX,
  R_GENERATION,
  R_HELD_FD,
  R_LEN,
  R_LINK,
  R_OFF,
  R_OP_FLAGS,
  R_OPCODE,
  R_POLL,
  R_REQ_FLAGS,
  R_RES,
  R_SQE_FLAGS,
  R_TOTAL,
  R_TW,
  R_USER_DATA,
  setAddr,
  u64,
} from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { S_ADDR, S_BUF_INDEX, S_FD, S_FILE_INDEX, S_LEN, S_OFF, S_OP_FLAGS, S_USER_DATA } from '../state/words.js'

/** A request with the SQE at word `sqe` copied in; NONE when the table is full. Nothing reads the SQE after this. */
export function allocReq(tctx: Tctx, ctx: IoRingCtx, sqe: number): number {
  const req = tctx.wq.alloc()
  if (req === NONE) return NONE
  const { words } = tctx.wq.mem
  const { sqes } = ctx
  const r = tctx.wq.mem.payload(req)
  const first = sqes[sqe]!
  words[r + R_OPCODE] = first & 0xff
  words[r + R_SQE_FLAGS] = (first >> 8) & 0xff
  words[r + R_FD] = sqes[sqe + S_FD]!
  words[r + R_HELD_FD] = -1
  words[r + R_OFF] = sqes[sqe + S_OFF]!
  words[r + R_OFF + 1] = sqes[sqe + S_OFF + 1]!
  words[r + R_ADDR] = sqes[sqe + S_ADDR]!
  words[r + R_ADDR + 1] = sqes[sqe + S_ADDR + 1]!
  words[r + R_LEN] = sqes[sqe + S_LEN]!
  words[r + R_OP_FLAGS] = sqes[sqe + S_OP_FLAGS]!
  words[r + R_USER_DATA] = sqes[sqe + S_USER_DATA]!
  words[r + R_USER_DATA + 1] = sqes[sqe + S_USER_DATA + 1]!
  words[r + R_BUF_INDEX] = sqes[sqe + S_BUF_INDEX]!
  words[r + R_FILE_INDEX] = sqes[sqe + S_FILE_INDEX]!
  words[r + R_TOTAL] = 0
  words[r + R_DONE] = 0
  words[r + R_RES] = 0
  words[r + R_POLL] = POLL_NONE
  words[r + R_REQ_FLAGS] = 0
  words[r + R_LINK] = NONE
  words[r + R_TW] = TW_COMPLETE
  words[r + R_CTX] = ctx.id
  words[r + R_GENERATION] = ctx.generation
  ctx.nrInflight++
  return req
}

export function freeReq(tctx: Tctx, ctx: IoRingCtx, req: number): void {
  const { words } = tctx.wq.mem
  const r = tctx.wq.mem.payload(req)
  const held = words[r + R_HELD_FD]!
  if (held >= 0) {
    unlistFd(held)
    libc('close')(held)
    words[r + R_HELD_FD] = -1
  }
  if (tctx.held[req] !== undefined) tctx.held[req] = undefined
  if ((words[r + R_REQ_FLAGS]! & REQ_F_ASYNC) !== 0) {
    tctx.byUserData.remove(req, keyOf(ctx.id, words[r + R_USER_DATA]!, words[r + R_USER_DATA + 1]!))
  }
  ctx.nrInflight--
  tctx.wq.free(req)
}

const path = new Uint8Array(PATH_MAX)

/**
 * The path at an address, its NUL included, in memory that the next call reuses. -EFAULT, -ENAMETOOLONG, or -ENOENT for
 * an empty path where none is allowed (getname).
 */
export function copyPath(address: number, mayBeEmpty = false): Uint8Array | number {
  const copied = copyIn(address, path)
  if (copied < 0) return copied
  const end = path.subarray(0, copied).indexOf(0)
  if (end === -1) return copied < PATH_MAX ? -EFAULT : -ENAMETOOLONG
  return end === 0 && !mayBeEmpty ? -ENOENT : path.subarray(0, end + 1)
}

/** Keeps `parts` for as long as the request lives, one behind the other. Returns the address of the first. */
export function hold(tctx: Tctx, req: number, ...parts: readonly Uint8Array[]): number {
  // A buffer of its own: small ones would share Node's pool, and live as long as their neighbours.
  const copy = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    copy.set(part, at)
    at += part.length
  }
  tctx.held[req] = copy
  return addressOf(copy)
}

/**
 * Copies the path that the request points to, so that the app may reuse its memory as soon as enter returns. 0, or
 * -errno as copyPath.
 */
export function holdPath(tctx: Tctx, req: number, r: number, mayBeEmpty = false): number {
  const { words } = tctx.wq.mem
  const copy = copyPath(u64(words, r + R_ADDR), mayBeEmpty)
  if (typeof copy === 'number') return copy
  setAddr(words, r, hold(tctx, req, copy))
  return 0
}

/** holdPath for two paths: at `addr`, which may be empty with `mayBeEmpty`, and at `addr2`. */
export function holdPaths(tctx: Tctx, req: number, r: number, mayBeEmpty = false): number {
  const { words } = tctx.wq.mem
  const first = copyPath(u64(words, r + R_ADDR), mayBeEmpty)
  if (typeof first === 'number') return first
  const firstBytes = first.slice()
  const second = copyPath(u64(words, r + R_OFF))
  if (typeof second === 'number') return second
  const address = hold(tctx, req, firstBytes, second)
  setAddr(words, r, address)
  setAddr(words, r, address + firstBytes.length, R_OFF)
  return 0
}

const WAITS = IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_IO_DRAIN | IOSQE_ASYNC

/**
 * The path of a request in prep. It is held if the request waits for a chain or a worker. Otherwise the request is
 * issued before enter returns, and the system call reads the path in place; it is held only if the request is punted. 0
 * or -errno.
 */
export function prepPath(tctx: Tctx, ctx: IoRingCtx, req: number, r: number): number {
  const isIssuedAtOnce = (tctx.wq.mem.words[r + R_SQE_FLAGS]! & WAITS) === 0 && ctx.linkHead === NONE
  return isIssuedAtOnce ? 0 : holdPath(tctx, req, r)
}
