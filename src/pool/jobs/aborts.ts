/**
 * AbortSignals of jobs in flight, of iterations and of maps: one listener a signal, however many of them it stands for, in
 * all pools of the thread, since Node warns of a leak where there are more than ten. Owner thread only.
 */

/** Told when a signal aborts. */
export interface Follower {
  handleEvent(): void
}

const leavings = new WeakSet<object>()

/** A reason for jobs that were left, where nobody said that they were to stop: none is ended with its thread for it. */
export function leaving(message: string): Error {
  const reason = new Error(message)
  leavings.add(reason)
  return reason
}

export function isLeaving(reason: unknown): boolean {
  return typeof reason === 'object' && reason !== null && leavings.has(reason)
}

class Followers implements Follower {
  readonly all = new Set<Follower>()

  handleEvent(): void {
    // One that is told may end another.
    for (const follower of [...this.all]) if (this.all.has(follower)) follower.handleEvent()
  }
}

const followersOf = new WeakMap<AbortSignal, Followers>()

/** The follower is told when the signal aborts, until unfollow(). */
export function follow(signal: AbortSignal, follower: Follower): void {
  let followers = followersOf.get(signal)
  if (followers === undefined) {
    followers = new Followers()
    followersOf.set(signal, followers)
  }
  if (followers.all.size === 0) signal.addEventListener('abort', followers)
  followers.all.add(follower)
}

export function unfollow(signal: AbortSignal, follower: Follower): void {
  const followers = followersOf.get(signal)
  if (followers?.all.delete(follower) === true && followers.all.size === 0) {
    signal.removeEventListener('abort', followers)
  }
}

type OnAbort = (job: number, reason: unknown) => void

class Watched {
  readonly signal: AbortSignal
  readonly jobs = new Set<number>()
  readonly #onAbort: OnAbort

  constructor(signal: AbortSignal, onAbort: OnAbort) {
    this.signal = signal
    this.#onAbort = onAbort
  }

  handleEvent(): void {
    // One that is told may end another.
    for (const job of [...this.jobs]) if (this.jobs.has(job)) this.#onAbort(job, this.signal.reason)
  }
}

export class Aborts {
  readonly #watched = new WeakMap<AbortSignal, Watched>()
  readonly #byJob = new Map<number, Watched>()
  readonly #onAbort: OnAbort

  constructor(onAbort: OnAbort) {
    this.#onAbort = onAbort
  }

  /** `onAbort` runs for the job when the signal aborts, until forget(). */
  watch(job: number, signal: AbortSignal): void {
    let watched = this.#watched.get(signal)
    if (watched === undefined) {
      watched = new Watched(signal, this.#onAbort)
      this.#watched.set(signal, watched)
    }
    if (watched.jobs.size === 0) follow(signal, watched)
    watched.jobs.add(job)
    this.#byJob.set(job, watched)
  }

  /** The signal of a job, if it has one. */
  signalOf(job: number): AbortSignal | undefined {
    return this.#byJob.get(job)?.signal
  }

  /** Jobs watched. */
  get size(): number {
    return this.#byJob.size
  }

  forget(job: number): void {
    const watched = this.#byJob.get(job)
    if (watched === undefined) return
    this.#byJob.delete(job)
    watched.jobs.delete(job)
    if (watched.jobs.size === 0) unfollow(watched.signal, watched)
  }
}
