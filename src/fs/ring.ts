/**
 * The thread's ring for file work: opened by the first call that wants it, closed by itself once nobody has used it for a
 * while. Runs on the thread that calls.
 *
 * Where no ring can be had, calls are Node's own. Operations use copies of the caller's memory (`lend`), so that a
 * buffer given to a call stays transferable, as with node:fs. Counterpart: libuv's loop, which opens a ring of its own.
 */
import type { Operation } from '../driver/ops/call.js'
import type { OpOptions } from '../driver/options.js'
import { driverOf, Uring } from '../driver/uring.js'
import { isShortage } from '../lib/errno.js'
import { setTimeout } from '../lib/globals.js'
import { asksPermission } from './node.js'

/** A ring that nobody used for so long is closed. */
const IDLE_MS = 2000

let current: Uring | undefined
let opening: Promise<Uring | undefined> | undefined
/** Uses of the ring, ever; the timer compares. */
let nrUses = 0
let isRefused = asksPermission()

/** The thread's ring; undefined where there is none, and calls are Node's. */
export function ringOf(): Uring | undefined | Promise<Uring | undefined> {
  nrUses++
  if (current !== undefined || isRefused) return current
  opening ??= open()
  return opening
}

/**
 * The ring for operations that its other side always hands to a worker: the kernel's alone. On `threads` a worker of ours
 * does no better than one of libuv's, and the call is Node's.
 */
export async function kernelRing(): Promise<Uring | undefined> {
  const ring = await ringOf()
  return ring?.backend === 'kernel' ? ring : undefined
}

async function open(): Promise<Uring | undefined> {
  try {
    const ring = await Uring.open({ lend: true })
    current = ring
    closeWhenIdle(ring, nrUses)
    return ring
  } catch (error) {
    isRefused = !isShortage(error)
    return undefined
  } finally {
    opening = undefined
  }
}

function closeWhenIdle(ring: Uring, usesBefore: number): void {
  setTimeout(() => {
    const { inFlight, queued } = ring.stats()
    if (nrUses !== usesBefore || inFlight + queued > 0) closeWhenIdle(ring, nrUses)
    else {
      current = undefined
      void ring.close()
    }
  }, IDLE_MS).unref()
}

/** Runs an operation on a ring, for one of the calls. */
export function run<Args extends readonly unknown[], Options extends OpOptions, Value>(
  ring: Uring,
  operation: Operation<Args, Options, Value>,
  options: Options | undefined,
  ...args: Args
): Promise<Value> {
  nrUses++
  return driverOf(ring).run(operation, options, ...args)
}
