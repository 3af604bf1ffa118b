/**
 * How long a ring takes to wake a sleeping event loop, for `uring doctor`. Runs on the thread whose loop is measured.
 */
import { driverOf, Uring } from '../driver/uring.js'
import { nowMs } from '../lib/clock.js'
import { type WakeWay, wakeWay } from '../sys/loop.js'

/** From giving an operation to io-wq until its promise settles: a worker and the event loop are woken. Microseconds. */
export interface WakeUp {
  /** By what: Node polls the ring's eventfd, or a thread of ours does. */
  readonly way: WakeWay
  /** How many were measured. */
  readonly nrWakes: number
  readonly p50Us: number
  readonly p99Us: number
}

const ROUNDS = 400
const MAX_ROUNDS = 8000

export async function measureWakeUp(backend: 'kernel' | 'threads'): Promise<WakeUp> {
  const ring = await Uring.open({ backend })
  const us: number[] = []
  const { stats } = driverOf(ring)
  for (let i = 0; i < MAX_ROUNDS && us.length < ROUNDS; i++) {
    const before = stats.wakes
    const began = nowMs()
    await ring.nop({ async: true })
    // Where the worker is quicker than the loop, nobody sleeps.
    if (stats.wakes > before) us.push((nowMs() - began) * 1000)
  }
  await ring.close()
  us.sort((a, b) => a - b)
  const at = (share: number) => Math.round((us[Math.floor(us.length * share)] ?? 0) * 10) / 10
  return { nrWakes: us.length, way: wakeWay(), p50Us: at(0.5), p99Us: at(0.99) }
}
