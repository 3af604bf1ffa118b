/**
 * The type of an operation's entry in opdef.ts, and the answers of its functions. The owner and workers read it.
 *
 * prep runs on the owner, inside enter: it refuses bad fields before side effects and copies memory that the SQE points
 * to. tryIssue runs on the owner and must not block: a result, or PUNT. issue runs on a worker and may block.
 * Counterpart: struct io_issue_def.
 */
import type { IoRingCtx } from './ctx.js'
import type { Tctx } from './tctx.js'

/** tryIssue's answer: it would block, punt it to io-wq. */
export const PUNT = -0x7fffffff
/** tryIssue's answer: `res` is set, complete it through task work. */
export const VIA_TASK_WORK = -0x7ffffffe

/** tryIssue's answer: it is under way, and ends elsewhere. */
export const PENDING = -0x7ffffffd

/** A worker's environment of a request: the shared words, and whether it was cancelled meanwhile. */
export interface WorkEnv {
  readonly words: Int32Array
  cancelled(): boolean
  /** Call it before a call that is known to block: queued work gets another worker meanwhile. */
  sleeping(): void
  running(): void
}

export interface OpDef {
  readonly name: string
  /** 0, or -errno: refused before any side effect. `r` is the request's first word, `sqe` the SQE's in `ctx.sqes`. */
  prep(tctx: Tctx, ctx: IoRingCtx, req: number, r: number, sqe: number): number
  /** On the owner, never blocking. Absent: always goes to io-wq. */
  tryIssue?(tctx: Tctx, ctx: IoRingCtx, req: number, r: number): number
  /** On a worker, may block. Absent: only the owner can run it. */
  issue?(env: WorkEnv, r: number): number
  /** The fd is the operation's file, or the directory in which a path begins: held while the request is in io-wq. */
  readonly fd?: 'file' | 'dir'
  /** Unbounded unless the file is regular or a block device. */
  readonly unbounded?: boolean
  /** It waits for its file by wait/worker-wait.ts, unless the file is always ready. */
  readonly polls?: boolean
  /** Only the owner can run it, at once, even with IOSQE_ASYNC. */
  readonly atOnce?: boolean
  /** Hashed by inode on regular files. */
  readonly hashed?: boolean
  /** Moving fewer bytes than asked fails a chain. */
  readonly transfer?: boolean
  /** Its own error result fails neither its chain nor CQE_SKIP_SUCCESS: the kernel sets the result alone. */
  readonly neverFails?: boolean
  readonly bufferSelect?: boolean
  /** It has a path, which prepPath may hold. */
  readonly path?: boolean
  /** It goes to io-wq unless it can end at once: queued work makes workers at once, see IO_WQ_WORK_CONCURRENT. */
  readonly concurrent?: boolean
}
