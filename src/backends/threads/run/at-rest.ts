/**
 * What a ring still has when its last request has ended, and a thread when it has no ring: nothing, or something was lost.
 * For test builds. Owner thread only.
 */
import { assert, VERIFY } from '../../../lib/assert.js'
import { NONE } from '../../../lib/mpscq.js'
import type { IoRingCtx } from '../state/ctx.js'
import { R_HELD_FD } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'

/** Asserts it of a ring that is closed, and of the thread if that was its last. */
export function verifyAtRest(tctx: Tctx, ctx: IoRingCtx): void {
  if (!VERIFY) return
  const { drain, timers } = ctx
  none('a closed ring', {
    requests: ctx.nrInflight,
    'deferred requests': drain.nrDeferred + drain.deferred.size,
    'open chains': ctx.linkHead === NONE ? 0 : 1,
    timeouts: timers?.count ?? 0,
    alarms: ctx.alarm === undefined ? 0 : 1,
    eventfds: ctx.eventfd < 0 ? 0 : 1,
  })
  if (tctx.byId.some((ring) => ring !== undefined)) return
  none('a thread without rings', {
    'requests in io-wq': tctx.byUserData.count + tctx.wq.counts().queued,
    'arguments held': tctx.held.filter((held) => held !== undefined).length,
    'descriptors held': nrHeldFds(tctx),
  })
}

/** Records that were never used are not looked at; those that are free have poison there. */
function nrHeldFds(tctx: Tctx): number {
  const { mem, nrTouched } = tctx.wq
  let count = 0
  for (let req = 0; req < nrTouched; req++) if (mem.words[mem.payload(req) + R_HELD_FD]! >= 0) count++
  return count
}

function none(whose: string, left: Readonly<Record<string, number>>): void {
  for (const [what, count] of Object.entries(left)) assert(count === 0, `${whose} has ${count} ${what}`)
}
