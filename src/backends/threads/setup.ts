/**
 * io_uring_setup's parameters: checked, rounded, and filled in. Owner thread only.
 *
 * Counterpart: io_uring_fill_params and io_uring_sanitise_params.
 */
import * as abi from '../../abi/constants.js'
import { IORING_MAX_CQ_ENTRIES, IORING_MAX_ENTRIES } from '../../abi/limits.js'
import { PARAMS } from '../../abi/params.js'
import { EINVAL, ENXIO } from '../../lib/errno.js'
import { NONE } from '../../lib/mpscq.js'
import { roundUpPow2 } from '../../lib/power-of-2.js'
import { isOpenFd } from '../../sys/file.js'
import type { IoRingCtx } from './state/ctx.js'
import { RINGS } from './state/layout.js'

const SETUP_KNOWN =
  abi.IORING_SETUP_CQSIZE |
  abi.IORING_SETUP_CLAMP |
  abi.IORING_SETUP_ATTACH_WQ |
  abi.IORING_SETUP_R_DISABLED |
  abi.IORING_SETUP_SUBMIT_ALL |
  abi.IORING_SETUP_COOP_TASKRUN |
  abi.IORING_SETUP_TASKRUN_FLAG |
  abi.IORING_SETUP_SINGLE_ISSUER |
  abi.IORING_SETUP_DEFER_TASKRUN |
  abi.IORING_SETUP_NO_SQARRAY

const FEATURES =
  abi.IORING_FEAT_SINGLE_MMAP |
  abi.IORING_FEAT_NODROP |
  abi.IORING_FEAT_SUBMIT_STABLE |
  abi.IORING_FEAT_RW_CUR_POS |
  abi.IORING_FEAT_EXT_ARG |
  abi.IORING_FEAT_NATIVE_WORKERS |
  abi.IORING_FEAT_CQE_SKIP |
  abi.IORING_FEAT_MIN_TIMEOUT |
  abi.IORING_FEAT_NO_IOWAIT

/** The requested sizes, rounded as the kernel rounds them; -EINVAL where the kernel would refuse. */
export function checkParams(
  entries: number,
  params: DataView,
  isRing: (fd: number) => boolean,
): { sq: number; cq: number } | number {
  const flags = params.getUint32(PARAMS.at.flags, true)
  const has = (bit: number) => (flags & bit) !== 0
  for (const at of [PARAMS.at.resv0, PARAMS.at.resv1, PARAMS.at.resv2]) {
    if (params.getUint32(at, true) !== 0) return -EINVAL
  }
  if ((flags & ~SETUP_KNOWN) !== 0) return -EINVAL
  if (has(abi.IORING_SETUP_DEFER_TASKRUN) && !has(abi.IORING_SETUP_SINGLE_ISSUER)) return -EINVAL
  const deferredOrCoop = has(abi.IORING_SETUP_COOP_TASKRUN) || has(abi.IORING_SETUP_DEFER_TASKRUN)
  if (has(abi.IORING_SETUP_TASKRUN_FLAG) && !deferredOrCoop) return -EINVAL
  const sqEntries = clampEntries(entries >>> 0, IORING_MAX_ENTRIES, has(abi.IORING_SETUP_CLAMP))
  if (sqEntries < 0) return sqEntries
  const sq = roundUpPow2(sqEntries)
  let cq = 2 * sq
  if (has(abi.IORING_SETUP_CQSIZE)) {
    const asked = clampEntries(
      params.getUint32(PARAMS.at.cq_entries, true),
      IORING_MAX_CQ_ENTRIES,
      has(abi.IORING_SETUP_CLAMP),
    )
    if (asked < 0) return asked
    cq = roundUpPow2(asked)
    if (cq < sq) return -EINVAL
  }
  if (has(abi.IORING_SETUP_ATTACH_WQ)) {
    const wqFd = params.getInt32(PARAMS.at.wq_fd, true)
    if (!isRing(wqFd)) return isOpenFd(wqFd) ? -EINVAL : -ENXIO
  }
  return { sq, cq }
}

function clampEntries(asked: number, most: number, clamp: boolean): number {
  if (asked === 0 || (asked > most && !clamp)) return -EINVAL
  return Math.min(asked, most)
}

/** Fills in the params that describe the ring to the app. */
export function fillParams(params: DataView, ctx: IoRingCtx): void {
  const { at } = PARAMS
  const set = (offset: number, value: number) => params.setUint32(offset, value, true)
  set(at.sq_entries, ctx.sqEntries)
  set(at.cq_entries, ctx.cqEntries)
  set(at.features, FEATURES)
  set(at.sq_off_head, RINGS.at.sq_head)
  set(at.sq_off_tail, RINGS.at.sq_tail)
  set(at.sq_off_ring_mask, RINGS.at.sq_ring_mask)
  set(at.sq_off_ring_entries, RINGS.at.sq_ring_entries)
  set(at.sq_off_flags, RINGS.at.sq_flags)
  set(at.sq_off_dropped, RINGS.at.sq_dropped)
  set(at.sq_off_array, ctx.arrayWord === NONE ? 0 : ctx.arrayWord * 4)
  set(at.cq_off_head, RINGS.at.cq_head)
  set(at.cq_off_tail, RINGS.at.cq_tail)
  set(at.cq_off_ring_mask, RINGS.at.cq_ring_mask)
  set(at.cq_off_ring_entries, RINGS.at.cq_ring_entries)
  set(at.cq_off_overflow, RINGS.at.cq_overflow)
  set(at.cq_off_cqes, ctx.cqesWord * 4)
  set(at.cq_off_flags, RINGS.at.cq_flags)
}
