/**
 * The table of task work: the action for each TW_*. Owner thread only; checked for gaps at load.
 *
 * It is above the functions that it names, as opdef.ts is. Counterpart: io_task_work.func, which lies in the request; a
 * request here lies in shared memory, and has a number.
 */
import { assert } from '../../../lib/assert.js'
import type { IoRingCtx } from '../state/ctx.js'
import { TW_COMPLETE, TW_SUBMIT } from '../state/layout.js'
import type { Tctx } from '../state/tctx.js'
import { completeFromTaskWork } from './end.js'
import { submitFromTaskWork } from './submit.js'

/** `r` is the request's first word. */
type TaskWork = (tctx: Tctx, ctx: IoRingCtx, req: number, r: number) => void

// biome-ignore format: table
const TABLE: readonly (readonly [tw: number, run: TaskWork])[] = [
  [TW_COMPLETE, completeFromTaskWork],
  [TW_SUBMIT,   submitFromTaskWork],
]

const defs: TaskWork[] = []
for (const [tw, run] of TABLE) {
  assert(tw === defs.length, `task work ${tw} stands at its own number`)
  defs.push(run)
}

/** The action of a REQ.tw. */
export function twdef(tw: number): TaskWork {
  return defs[tw]!
}
