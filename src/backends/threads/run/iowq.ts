/**
 * Punts a request to io-wq. Owner thread, inside enter or task work.
 *
 * Counterpart: io_prep_async_work and io_queue_iowq.
 */
import { AT_FDCWD, IOSQE_ASYNC, IOSQE_FIXED_FILE } from '../../../abi/constants.js'
import { EBADF, EMFILE } from '../../../lib/errno.js'
import { NONE } from '../../../lib/mpscq.js'
import { fileKind, holdFd } from '../../../sys/file.js'
import { listFd } from '../../../sys/leavings.js'
import { IO_WQ_WORK_FORCE_WAKE, IO_WQ_WORK_HASHED, IO_WQ_WORK_UNBOUND } from '../../../wq/layout.js'
import { startLinkTimeout } from '../ops/timeout.js'
import { keyOf } from '../state/by-user-data.js'
import type { IoRingCtx } from '../state/ctx.js'
import { NR_BUCKETS, REQ_F_ASYNC, REQ_F_ISREG } from '../state/layout.js'
import type { OpDef } from '../state/op.js'
import { R_FD, R_HELD_FD, R_LINK, R_REQ_FLAGS, R_SQE_FLAGS, R_USER_DATA } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { arm } from '../wait/worker-wait.js'
import { failIssue } from './end.js'

/**
 * Punts a request to io-wq. Its file is duplicated first, so that the app may close the fd when enter returns, as it
 * may with the kernel, which holds the file itself. DIFFERS: closing the duplicate drops the process's fcntl(2) record
 * locks on the file, and a full fd table fails the request with -EMFILE.
 */
export function punt(tctx: Tctx, ctx: IoRingCtx, req: number, r: number, def: OpDef, flags: number): void {
  const { words } = tctx.wq.mem
  let bucket = 0
  const fd = words[r + R_FD]!
  if (def.fd === 'file' || (def.fd === 'dir' && fd !== AT_FDCWD)) {
    const held = (words[r + R_SQE_FLAGS]! & IOSQE_FIXED_FILE) !== 0 ? -EBADF : holdFd(fd)
    // An absolute path ignores its directory, so a bad directory must not fail it here.
    if (held < 0 && (def.fd === 'file' || held !== -EBADF)) {
      failIssue(tctx, ctx, req, r, def, held === -EMFILE ? -EMFILE : -EBADF)
      return
    }
    words[r + R_HELD_FD] = held
    if (held >= 0) listFd(held)
  } else words[r + R_HELD_FD] = -1
  if (def.unbounded === true || def.hashed === true) {
    const kind = fileKind(words[r + R_HELD_FD]!)
    const regular = typeof kind !== 'number' && kind.regular
    if (regular || (typeof kind !== 'number' && kind.block)) {
      words[r + R_REQ_FLAGS] = words[r + R_REQ_FLAGS]! | REQ_F_ISREG
    } else {
      if (def.unbounded === true) flags |= IO_WQ_WORK_UNBOUND
      // It was tried already, unless it has IOSQE_ASYNC.
      if (def.polls === true && (words[r + R_SQE_FLAGS]! & IOSQE_ASYNC) === 0) arm(words, r)
    }
    if (regular && def.hashed === true) {
      flags |= IO_WQ_WORK_HASHED
      bucket = hashInode(kind.ino)
    }
  }
  // The next member of its chain waits for the owner.
  if (words[r + R_LINK] !== NONE) {
    flags |= IO_WQ_WORK_FORCE_WAKE
    startLinkTimeout(tctx, ctx, req, words[r + R_LINK]!)
  }
  words[r + R_REQ_FLAGS] = words[r + R_REQ_FLAGS]! | REQ_F_ASYNC
  tctx.byUserData.add(req, keyOf(ctx.id, words[r + R_USER_DATA]!, words[r + R_USER_DATA + 1]!))
  tctx.wq.enqueue(req, flags, bucket, ctx.id)
}

/** Six bits of the inode number's product with the golden ratio, as in hash_32. */
function hashInode(ino: number): number {
  return (Math.imul(ino, 0x61c88647) >>> 26) % NR_BUCKETS
}
