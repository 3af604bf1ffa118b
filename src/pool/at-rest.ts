/**
 * What a pool still has while it has no job: nothing, or something was lost. For test builds. Owner thread only.
 */
import { assert, VERIFY } from '../lib/assert.js'
import type { Wq } from '../wq/wq.js'
import type { Blocks } from './between/arena.js'
import type { Control } from './control.js'
import type { Intake } from './give/intake.js'
import type { Post } from './give/post.js'
import type { JobEvents } from './home/job-events.js'
import type { Ports } from './home/ports.js'
import type { Settler } from './home/settler.js'
import type { Aborts } from './jobs/aborts.js'
import type { InFlight } from './jobs/in-flight.js'

export interface AtRestParts {
  readonly wq: Wq
  readonly jobs: InFlight
  readonly blocks: Blocks
  readonly aborts: Aborts
  readonly events: JobEvents
  readonly control: Control
  readonly settler: Settler
  readonly post: Post
  readonly intake: Intake
  readonly ports: Ports
  readonly nrPaused: number
  readonly nrDied: number
}

/** Asserts, in test builds, that nothing is left of any job. `isClosed`: nor any record, which come home later. */
export function verifyAtRest(parts: AtRestParts, isClosed: boolean): void {
  if (!VERIFY) return
  const { wq, jobs, blocks, aborts, events, control, settler, intake, ports, post } = parts
  const left = {
    'jobs in flight': jobs.count,
    'jobs that wait': intake.nrWaiting,
    'parts of jobs': jobs.nrLeft(wq.nrTouched),
    'keys with jobs': jobs.keys.size,
    'blocks of the arena': blocks.nrUsed,
    'signals watched': aborts.size,
    listeners: events.size,
    'ids and deadlines': control.nrLeft,
    'sleeping callers': settler.syncs.size,
    'jobs at the postmaster': post.nrHeld,
    // An iteration hears that its job has ended by its promise, which is later.
    'paused iterations': isClosed ? parts.nrPaused : 0,
    records: isClosed ? wq.counts().items : 0,
    // A thread that was killed may have sent one of a job that did not come home.
    'results unread': isClosed && parts.nrDied === 0 ? ports.nrUnread : 0,
    'spare threads': isClosed ? (wq.crew.spare?.nrLeft ?? 0) : 0,
  }
  for (const [what, count] of Object.entries(left)) assert(count === 0, `a pool without jobs has ${count} ${what}`)
}
