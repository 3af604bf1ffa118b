/**
 * The threads of a drop-in pool, as `uring.pool.worker` tells of them. Owner thread only.
 *
 * The channel names a pool by its name, so each drop-in pool has one of its own. It knows a roster weakly: a pool that its
 * program drops goes, and its roster with it. No counterpart.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { perThread } from '../lib/per-thread.js'
import type { WorkerMessage } from '../pool/pool.js'

const CHANNEL = 'uring.pool.worker'

/** However many entries of the package are loaded. */
const names = perThread('compat.names', () => ({ last: 0 }))
const rosters = new Map<string, WeakRef<Roster>>()

export interface RosterHooks {
  readonly onCreated?: (threadId: number) => void
  readonly onEnded: (threadId: number, error: Error | undefined) => void
}

export class Roster {
  /** The pool's name. */
  readonly name: string
  readonly #hooks: RosterHooks
  readonly #threadIds = new Set<number>()

  constructor(prefix: string, hooks: RosterHooks) {
    this.name = `${prefix} ${++names.last}`
    this.#hooks = hooks
    if (rosters.size === 0) subscribe(CHANNEL, onMessage)
    rosters.set(this.name, new WeakRef(this))
  }

  /** Those that are there, or on their way up. */
  get threadIds(): readonly number[] {
    return [...this.#threadIds]
  }

  /** Hears no more. */
  close(): void {
    if (rosters.delete(this.name) && rosters.size === 0) unsubscribe(CHANNEL, onMessage)
  }

  hear({ event, threadId, error }: WorkerMessage): void {
    if (event === 'created') {
      this.#threadIds.add(threadId)
      this.#hooks.onCreated?.(threadId)
    } else if (this.#threadIds.delete(threadId)) this.#hooks.onEnded(threadId, error)
  }
}

function onMessage(message: unknown): void {
  const { pool } = message as WorkerMessage
  if (pool === undefined) return
  const roster = rosters.get(pool)
  if (roster?.deref() === undefined) rosters.delete(pool)
  else roster.deref()?.hear(message as WorkerMessage)
}
