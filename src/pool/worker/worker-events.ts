/**
 * What goes between a worker and the owner while jobs run: progress and values of generators one way, news of aborts and
 * room for more values the other. Worker threads only: the counterpart of JobEvents and Ports.
 */
import type { MessagePort, TransferListItem } from 'node:worker_threads'
import type { WqMemory } from '../../wq/layout.js'
import type { EventKind, EventMessage, WorkerNews } from '../between/messages.js'

/** A job whose promise is pending, as news reach it. */
export interface PendingJob {
  readonly item: number
  /** Something was told to stop, this job perhaps. */
  tell(): void
}

/** A generator, as news reach it. */
export interface PausedStream {
  makeRoom(room: number): void
  /** There may be reason to stop. */
  wake(): void
}

export class WorkerEvents {
  readonly mem: WqMemory
  readonly #port: MessagePort
  /** Jobs whose promises are pending. */
  readonly #pending = new Map<number, PendingJob>()
  readonly #streams = new Map<number, PausedStream>()
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

  addPending(job: PendingJob): void {
    this.#pending.set(job.item, job)
  }

  removePending(job: PendingJob): void {
    this.#pending.delete(job.item)
  }

  addStream(id: number, stream: PausedStream): void {
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
    for (const job of [...this.#pending.values()]) job.tell()
    for (const stream of [...this.#streams.values()]) stream.wake()
  }
}
