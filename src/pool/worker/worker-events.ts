/**
 * What goes between a worker and the owner while jobs run: progress and values of generators one way, news of aborts and
 * room for more values the other. Worker threads only: the counterpart of JobEvents and Ports.
 */
import type { MessagePort, TransferListItem } from 'node:worker_threads'
import type { WqMemory } from '../../wq/layout.js'
import type { JobContext } from './job-context.js'
import type { JobStream } from './stream.js'

/** To the owner: about which item, what kind, what. `null` instead only wakes it. */
export type EventMessage = readonly [item: number, kind: EventKind, value: unknown]

export const EVENT_PROGRESS = 0
/** Several values of a generator. */
export const EVENT_VALUES = 1
/** Pieces of output; the descriptor in the place of the item. */
export const EVENT_OUTPUT = 2
/** What went wrong beside jobs, as a Failure; no item. */
export const EVENT_FAILURE = 3
export type EventKind = typeof EVENT_PROGRESS | typeof EVENT_VALUES | typeof EVENT_OUTPUT | typeof EVENT_FAILURE

/**
 * To a worker: a generator may yield so many more, named by its own number, for one that has ended may be meant while its
 * item is another's already. `null`: something was told to stop.
 */
export type WorkerNews = readonly [id: number, room: number] | null

export class WorkerEvents {
  readonly mem: WqMemory
  readonly #port: MessagePort
  /** Jobs whose promises are pending. */
  readonly #pending = new Map<number, JobContext>()
  readonly #streams = new Map<number, JobStream>()
  /** Told of each generator that waits for its caller, and of each that goes on. */
  onParked: (by: 1 | -1) => void = () => {}

  constructor(mem: WqMemory, port: MessagePort) {
    this.mem = mem
    this.#port = port
    port.on('message', (news: WorkerNews) => this.#onNews(news))
    // It keeps no thread alive; pending jobs do.
    port.unref()
  }

  /** Wakes the owner, if it sleeps in its event loop. */
  wakeOwner(): void {
    this.#port.postMessage(null)
  }

  /** `transfer`: what of the value moves. Throws a DataCloneError. */
  post(item: number, kind: EventKind, value: unknown, transfer?: readonly TransferListItem[]): void {
    this.#port.postMessage([item, kind, value] satisfies EventMessage, transfer)
  }

  addPending(context: JobContext): void {
    this.#pending.set(context.item, context)
  }

  removePending(context: JobContext): void {
    this.#pending.delete(context.item)
  }

  addStream(id: number, stream: JobStream): void {
    this.#streams.set(id, stream)
  }

  removeStream(id: number): void {
    this.#streams.delete(id)
  }

  #onNews(news: WorkerNews): void {
    if (news !== null) {
      this.#streams.get(news[0])?.makeRoom(news[1])
      return
    }
    // Shared memory says which. Those told before have fired already.
    for (const context of [...this.#pending.values()]) context.tell()
    for (const stream of [...this.#streams.values()]) stream.wake()
  }
}
