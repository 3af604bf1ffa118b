/**
 * STATX. Prepared on the owner thread, always run on a worker: a lookup may wait for the disk. Counterpart:
 * io_uring/statx.c.
 */
import { AT_EMPTY_PATH } from '../../../abi/constants.js'
import { EBADF, EINVAL } from '../../../lib/errno.js'
import { libc } from '../../../sys/libc.js'
import { addressOf, fromWords } from '../../../sys/memory.js'
import type { IoRingCtx, Tctx } from '../ctx.js'
import type { WorkEnv } from '../op.js'
import {
  dirFd,
  holdPath,
  R_ADDR,
  R_BUF_INDEX,
  R_FILE_INDEX,
  R_LEN,
  R_OFF,
  R_OP_FLAGS,
  R_SQE_FLAGS,
  setAddr,
} from '../req.js'

const IOSQE_FIXED_FILE = 1
const EMPTY_PATH = new Uint8Array(8)

export function statxPrep(tctx: Tctx, _ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  if ((words[r + R_BUF_INDEX]! & 0xffff) !== 0 || words[r + R_FILE_INDEX] !== 0) return -EINVAL
  if ((words[r + R_SQE_FLAGS]! & IOSQE_FIXED_FILE) !== 0) return -EBADF
  if (words[r + R_ADDR] === 0 && words[r + R_ADDR + 1] === 0 && (words[r + R_OP_FLAGS]! & AT_EMPTY_PATH) !== 0) {
    setAddr(words, r, addressOf(EMPTY_PATH))
    return 0
  }
  return holdPath(tctx, req, r)
}

export function statxIssue(env: WorkEnv, r: number): number {
  const { words } = env
  const path = fromWords(words[r + R_ADDR]!, words[r + R_ADDR + 1]!)
  const statxbuf = fromWords(words[r + R_OFF]!, words[r + R_OFF + 1]!)
  return libc('statx')(dirFd(words, r), path, words[r + R_OP_FLAGS]!, words[r + R_LEN]!, statxbuf)
}
