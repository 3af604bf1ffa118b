/**
 * How long a ring takes to wake a sleeping event loop, for `uring doctor`. Runs on the thread whose loop is measured.
 */
import { Uring } from '../driver/uring.js'
import { nowMs } from '../lib/clock.js'
import { type WakeWay, wakeWay } from '../sys/loop.js'

/** From giving an operation to io-wq until its promise settles: a worker and the event loop are woken. Microseconds. */
export interface WakeUp {
  /** By what: Node polls the ring's eventfd, or a thread of ours does. */
  readonly way: WakeWay
  readonly p50Us: number
  readonly p99Us: number
}

const ROUNDS = 400

export async function measureWakeUp(backend: 'kernel' | 'threads'): Promise<WakeUp> {
  const ring = await Uring.open({ backend })
  const us: number[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const began = nowMs()
    await ring.nop({ async: true })
    us.push((nowMs() - began) * 1000)
  }
  await ring.close()
  us.sort((a, b) => a - b)
  const at = (share: number) => Math.round(us[Math.floor(ROUNDS * share)]! * 10) / 10
  return { way: wakeWay(), p50Us: at(0.5), p99Us: at(0.99) }
}
