/**
 * AbortSignals of jobs in flight, of iterations and of maps: one listener a signal, however many of them it stands for, in
 * all pools of the thread, since Node warns of a leak where there are more than ten. Owner thread only.
 */
import { queueMicrotask } from '../../lib/globals.js'

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
  const isFirst = followers.all.size === 0
  followers.all.add(follower)
  if (!isFirst) return
  try {
    signal.addEventListener('abort', followers)
  } catch (error) {
    followers.all.delete(follower)
    throw error
  }
}

export function unfollow(signal: AbortSignal, follower: Follower): void {
  const followers = followersOf.get(signal)
  if (followers?.all.delete(follower) !== true || followers.all.size > 0) return
  try {
    signal.removeEventListener('abort', followers)
  } catch (error) {
    // The caller's own, as of a listener: nothing of ours is to stop for it.
    queueMicrotask(() => {
      throw error
    })
  }
}

/** Whether a signal has aborted: not, if it throws for an answer. */
export function hasAborted(signal: AbortSignal): boolean {
  try {
    return signal.aborted
  } catch {
    return false
  }
}

type OnAbort = (job: number, reason: unknown) => void

class Watched {
  readonly signal: AbortSignal
  readonly jobs = new Set<number>()
  /** Jobs that are about to be given with it. */
  nrClaims = 0
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

  /**
   * Listens to the signal for a job that is about to be given, and then watched; unclaim() is to follow in either case.
   * The signal may be the caller's own and do anything, or throw, so this comes before anything is staged.
   */
  claim(signal: AbortSignal): void {
    const watched = this.#watchedOf(signal)
    if (watched.nrClaims++ > 0 || watched.jobs.size > 0) return
    try {
      follow(signal, watched)
    } catch (error) {
      watched.nrClaims--
      throw error
    }
  }

  unclaim(signal: AbortSignal): void {
    const watched = this.#watchedOf(signal)
    if (--watched.nrClaims === 0 && watched.jobs.size === 0) unfollow(signal, watched)
  }

  /** `onAbort` runs for the job when the signal aborts, until forget(). No code of a signal's runs that is listened to. */
  watch(job: number, signal: AbortSignal): void {
    const watched = this.#watchedOf(signal)
    if (watched.jobs.size === 0 && watched.nrClaims === 0) follow(signal, watched)
    watched.jobs.add(job)
    this.#byJob.set(job, watched)
  }

  #watchedOf(signal: AbortSignal): Watched {
    let watched = this.#watched.get(signal)
    if (watched === undefined) {
      watched = new Watched(signal, this.#onAbort)
      this.#watched.set(signal, watched)
    }
    return watched
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
    if (watched.jobs.size === 0 && watched.nrClaims === 0) unfollow(watched.signal, watched)
  }
}
