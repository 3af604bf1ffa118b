/**
 * A ring that is closed has nothing, nor has its thread without rings: in test builds the backend looks itself. Here
 * something is left of each kind, and it has to see that.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verifyAtRest } from '../../src/backends/threads/run/at-rest.js'
import { IoRingCtx } from '../../src/backends/threads/state/ctx.js'
import { R_HELD_FD } from '../../src/backends/threads/state/req.js'
import { Tctx } from '../../src/backends/threads/state/tctx.js'
import { Timers } from '../../src/backends/threads/state/timers.js'
import { VERIFY } from '../../src/lib/assert.js'
import { NONE } from '../../src/lib/mpscq.js'

const skip = !VERIFY && 'looks in test builds alone'

function stand() {
  const tctx = new Tctx(8, { onCancelled() {}, onDied() {}, onRecovered() {} })
  return { tctx, ctx: new IoRingCtx(0, 1, -1, 0, 8, 16) }
}

type Leave = (tctx: Tctx, ctx: IoRingCtx) => void
// biome-ignore format: table
const LEFT: [what: string, says: RegExp, leave: Leave][] = [
  ['a request', /1 requests/, (_, ctx) => { ctx.nrInflight++ }],
  ['one that a drain defers', /1 deferred requests/, (_, ctx) => { ctx.drain.deferred.push(3) }],
  ['the head of a chain', /1 open chains/, (_, ctx) => { ctx.linkHead = 3 }],
  ['a timeout', /1 timeouts/, (_, ctx) => { ctx.timers = timersWithOne() }],
  ['an alarm', /1 alarms/, (_, ctx) => { ctx.alarm = { dueMs: 0, timer: setTimeout(() => {}, 0) } }],
  ['an eventfd', /1 eventfds/, (_, ctx) => { ctx.setEventfd(5, false) }],
  ['a request listed', /1 requests in io-wq/, (tctx) => { tctx.byUserData.add(2, 7) }],
  ['copied arguments', /1 arguments held/, (tctx) => { tctx.held[2] = new Uint8Array(1) }],
  ['a descriptor', /1 descriptors held/, (tctx) => { tctx.wq.mem.words[tctx.wq.mem.payload(tctx.wq.alloc()) + R_HELD_FD] = 5 }],
]

function timersWithOne(): Timers {
  const timers = new Timers()
  timers.add({ req: 2, bounds: NONE, dueMs: 1e9, key: 0 } as Parameters<Timers['add']>[0], 0, 0)
  return timers
}

test('with nothing left all is well', { skip }, () => {
  const { tctx, ctx } = stand()
  verifyAtRest(tctx, ctx)
  const item = tctx.wq.alloc()
  tctx.wq.mem.words[tctx.wq.mem.payload(item) + R_HELD_FD] = 5
  tctx.wq.free(item)
  verifyAtRest(tctx, ctx)
})

for (const [what, says, leave] of LEFT) {
  test(`what is left is seen: ${what}`, { skip }, () => {
    const { tctx, ctx } = stand()
    leave(tctx, ctx)
    assert.throws(() => verifyAtRest(tctx, ctx), says)
  })
}

test('while another ring is open its requests are none of this one’s', { skip }, () => {
  const { tctx, ctx } = stand()
  const other = new IoRingCtx(1, 2, -2, 0, 8, 16)
  tctx.attach(other)
  tctx.held[2] = new Uint8Array(1)
  verifyAtRest(tctx, ctx)
  tctx.detach(other)
})
