/**
 * The kinds of ring that a behaviour must not depend on. Data, and a loop; main thread of a test file.
 */
import {
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
} from '../../src/abi/constants.js'
import type { QueueInitOptions, Ring } from '../../src/ring/ring.js'
import type { Stand } from './stand.js'

export const DEFER = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN

const MODES: readonly (readonly [name: string, flags: number])[] = [
  ['plain', 0],
  ['COOP_TASKRUN', IORING_SETUP_COOP_TASKRUN],
  ['COOP_TASKRUN|TASKRUN_FLAG', IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG],
  ['SINGLE_ISSUER', IORING_SETUP_SINGLE_ISSUER],
  ['DEFER_TASKRUN', DEFER],
  ['DEFER_TASKRUN|TASKRUN_FLAG', DEFER | IORING_SETUP_TASKRUN_FLAG],
  ['DEFER_TASKRUN|SUBMIT_ALL', DEFER | IORING_SETUP_SUBMIT_ALL],
]

/** Runs `body` on a fresh ring of each kind; an error names the kind. */
export function inEachMode(
  stand: Stand,
  entries: number,
  body: (ring: Ring, flags: number) => void,
  options: QueueInitOptions = {},
): void {
  for (const [name, flags] of MODES) {
    const ring = stand.openRing(entries, { ...options, flags: (options.flags ?? 0) | flags })
    try {
      body(ring, ring.flags)
    } catch (error) {
      if (error instanceof Error) error.message = `on a ring of kind ${name}: ${error.message}`
      throw error
    }
    ring.queueExit()
  }
}
