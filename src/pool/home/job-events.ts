/**
 * Who listens to what comes of a job while it runs: its progress, the values that it yields. Owner thread only.
 *
 * Events of a job are handed on in the order they were posted, and all of them before the job settles.
 */
import {
  EVENT_FAILURE,
  EVENT_OUTPUT,
  EVENT_PROGRESS,
  EVENT_START,
  type EventMessage,
  type OutputPiece,
} from '../between/messages.js'
import { JOB_PROGRESS, JOB_START, JOB_STREAM } from '../between/record.js'
import { inCallersContext } from '../jobs/callers-context.js'
import type { StreamOptions } from '../jobs/job-options.js'
import type { Listener } from '../jobs/waiting.js'
import { type Failure, rebuild } from '../values/thrown.js'
import type { Ports } from './ports.js'
import { print } from './print.js'

/** The JOB_* flags of a job that somebody listens to. */
export function listenFlags({ onProgress, onStart, runTimeout, stream }: StreamOptions): number {
  const start = onStart === undefined && runTimeout === undefined ? 0 : JOB_START
  return (onProgress === undefined ? 0 : JOB_PROGRESS) | (stream === undefined ? 0 : JOB_STREAM) | start
}

/** Who listens, as `listenFlags` say that somebody does. What it calls runs in the context of this call. */
export function listenerOf({ onProgress, onStart, stream }: StreamOptions): Listener {
  if (stream !== undefined) return stream
  const started = onStart && inCallersContext(() => onStart())
  return { onProgress: onProgress && inCallersContext(onProgress), onStart: started && (() => started(undefined)) }
}

export interface JobEventsHooks {
  /** Something went wrong beside jobs. */
  onFailure(error: Error): void
  /** A job has begun of which that is to be known. */
  onStart(item: number): void
}

export class JobEvents {
  readonly #listeners = new Map<number, Listener>()
  readonly #ports: () => Ports
  /** Told of each listener whose job has ended, or will never begin. */
  readonly onOver: (listener: Listener) => void
  readonly #hooks: JobEventsHooks

  constructor(ports: () => Ports, onOver: (listener: Listener) => void, hooks: JobEventsHooks) {
    this.#ports = ports
    this.onOver = onOver
    this.#hooks = hooks
  }

  listen(item: number, listener: Listener): void {
    this.#listeners.set(item, listener)
  }

  /** Who listens to a job that goes on without its item. */
  take(item: number): Listener | undefined {
    const listener = this.#listeners.get(item)
    this.#listeners.delete(item)
    return listener
  }

  /** Jobs that somebody listens to. */
  get size(): number {
    return this.#listeners.size
  }

  /** PortsHooks.onEvent. */
  deliver([item, kind, value]: EventMessage, slot: number): void {
    if (kind === EVENT_OUTPUT) {
      print(item, value as OutputPiece[])
      return
    }
    if (kind === EVENT_FAILURE) {
      this.#hooks.onFailure(rebuild(value as Failure) as Error)
      return
    }
    const listener = this.#listeners.get(item)
    if (kind === EVENT_START) {
      this.#hooks.onStart(item)
      listener?.onStart?.()
    } else if (kind === EVENT_PROGRESS) listener?.onProgress?.(value)
    else listener?.onValues?.(value as unknown[], slot)
  }

  /** Takes what a worker has printed by now; of all workers where it is not known which. */
  takeOutput(slot: number | undefined): void {
    if (slot === undefined) this.#ports().takeAllEvents()
    else this.#ports().takeEvents(slot)
  }

  /** The job never ran. */
  forget(item: number): void {
    const listener = this.take(item)
    if (listener !== undefined) this.onOver(listener)
  }

  /** The job has ended, on a worker in this slot, or one that died: the rest of its events come first. */
  settle(item: number, slot: number | undefined): void {
    if (slot === undefined) this.#ports().takeAllEvents()
    else this.#ports().takeEvents(slot)
    this.forget(item)
  }
}
