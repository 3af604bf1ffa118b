/**
 * What becomes of a slot and of its call, however the call ends. Main thread.
 */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { ECANCELED, EIO } from '../lib/errno.js'
import { Call } from './ops/call.js'
import { Signals } from './signals.js'
import { Slots } from './slots.js'

class Counted extends Call<number> {
  nrReleased = 0
  readonly ended = new Promise((resolve) => (this.resolve = resolve))
  readonly syscall = 'counted'
  prep(): void {}

  result(res: number): number {
    if (res === 7) throw new Error('what result() throws')
    return res
  }

  override release(): void {
    this.nrReleased++
  }
}

const ENDS: Record<string, (slots: Slots, slot: number) => void> = {
  'with a result': (slots, slot) => finish(slots, slot, 0),
  'with what cannot be told': (slots, slot) => finish(slots, slot, 7),
  'with an error': (slots, slot) => finish(slots, slot, -EIO),
  'as cancelled': (slots, slot) => finish(slots, slot, -ECANCELED),
  'before it was submitted': (slots, slot) => slots.drop(slot, () => new Error('taken back')),
}

function finish(slots: Slots, slot: number, res: number): void {
  slots.markSubmitted(slot)
  slots.complete(slot, slots.generation(slot), res, 0)
}

for (const [how, end] of Object.entries(ENDS)) {
  test(`a call that ends ${how} gives all back, and its slot is another's by another generation`, async () => {
    const signals = new Signals(() => {})
    const slots = new Slots(signals, { begin() {}, end() {} }, () => undefined)
    const { signal } = new AbortController()
    const call = new Counted()
    signals.listen(signal)
    call.signal = signal
    const slot = slots.alloc(call, 0)
    const generation = slots.generation(slot)
    end(slots, slot)
    await call.ended.catch(() => {})
    assert.equal(call.nrReleased, 1)
    assert.equal(slots.state(slot), 0)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    // What is still asked of the old one, a cancel or a stale completion, is not asked of the new one.
    assert.equal(slots.alloc(new Counted(), 0), slot)
    assert.notEqual(slots.generation(slot), generation)
    assert.throws(() => slots.complete(slot, generation, 0, 0), { code: 'ERR_URING_ASSERTION' })
  })
}
