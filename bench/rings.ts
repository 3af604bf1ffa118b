/**
 * Rings of both backends, and the loop that keeps one full. Main thread, which is also the owner.
 *
 * The rings are those that Uring.open makes, flags and all, so that `raw` and `promises` differ by the driver alone.
 */
import {
  IORING_SETUP_CLAMP,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
  loadSyscalls,
  queueInit,
  type Ring,
  setUserData,
} from 'uring/ring'
import type { Plan, Round } from './bench.js'
import { Meter } from './meter.js'

export type BackendName = 'kernel' | 'threads'

/** What Uring.open asks for; Linux 6.6 has them all. */
const FLAGS =
  IORING_SETUP_SINGLE_ISSUER |
  IORING_SETUP_DEFER_TASKRUN |
  IORING_SETUP_TASKRUN_FLAG |
  IORING_SETUP_SUBMIT_ALL |
  IORING_SETUP_CLAMP |
  IORING_SETUP_NO_SQARRAY

export const BACKENDS: readonly BackendName[] = ['kernel', 'threads']

/** A bare ring on a backend. Throws what that says where it cannot be used. */
export async function openRing(backend: BackendName, entries: number): Promise<Ring> {
  return queueInit(await loadSyscalls(backend), entries, { flags: FLAGS })
}

/** The backends that rings open on here; the subjects of the others are left out. */
export async function usableBackends(plan: Plan, subjects: readonly string[]): Promise<BackendName[]> {
  const usable: BackendName[] = []
  for (const backend of BACKENDS) {
    try {
      const ring = await openRing(backend, 1)
      ring.queueExit()
      usable.push(backend)
    } catch (error) {
      for (const subject of subjects) plan.leaveOut(`uring/${backend}/${subject}`, (error as Error).message)
    }
  }
  return usable
}

export interface RawOp {
  /** Fills the SQE at `at` for one of the `depth` slots. */
  prep(words: Int32Array, at: number, slot: number): void
  /** What every CQE must say. */
  readonly res: number
}

/**
 * A round on the bare ring: submit whatever slots are free, wait for at least `waitNr` completions, take all that are
 * there, again. That is what fio does with iodepth_batch_submit=depth and iodepth_batch_complete_min=waitNr.
 */
export class RawLoop {
  readonly #ring: Ring
  readonly #op: RawOp
  readonly #waitNr: number
  readonly #began: Float64Array
  /** A stack of free slots. */
  readonly #free: Int32Array

  constructor(ring: Ring, depth: number, waitNr: number, op: RawOp) {
    this.#ring = ring
    this.#op = op
    this.#waitNr = waitNr
    this.#began = new Float64Array(depth)
    this.#free = Int32Array.from({ length: depth }, (_, slot) => slot)
  }

  round(roundMs: number): Round {
    const ring = this.#ring
    const { sq, cq } = ring
    const op = this.#op
    const began = this.#began
    const free = this.#free
    const depth = free.length
    const meter = new Meter(roundMs)
    let nrFree = depth
    for (;;) {
      while (nrFree > 0 && meter.goesOn) {
        const slot = free[--nrFree]!
        const at = sq.getSqe()
        op.prep(sq.words, at, slot)
        setUserData(sq.words, at, slot)
        began[slot] = meter.begin()
      }
      if (nrFree === depth) break
      const entered = ring.submitAndWait(Math.min(this.#waitNr, depth - nrFree))
      if (entered < 0) throw new Error(`io_uring_enter answers ${entered}`)
      const nr = cq.ready()
      for (let i = 0; i < nr; i++) {
        if (cq.res(i) !== op.res) throw new Error(`a CQE says ${cq.res(i)} instead of ${op.res}`)
        const slot = cq.userData(i)
        meter.end(began[slot]!)
        free[nrFree++] = slot
      }
      cq.advance(nr)
    }
    return meter.round()
  }
}
