/**
 * The threads of a Tinypool as its users see them. Owner thread only. Counterpart: tinypool's ThreadWorker.
 */
import { EventEmitter } from 'node:events'
import type { TransferListItem } from 'node:worker_threads'
import type { Any } from '../any.js'
import type { TinypoolChannel } from './options.js'

export interface TinypoolPrivateData {
  workerId: number
}
export type TinypoolData = [TinypoolPrivateData, Any]

export interface TinypoolWorker {
  runtime: string
  initialize(options: {
    env?: Record<string, string>
    argv?: string[]
    execArgv?: string[]
    resourceLimits?: Any
    workerData: TinypoolData
    trackUnmanagedFds?: boolean
    serialization?: 'json' | 'advanced'
  }): void
  terminate(): Promise<Any>
  postMessage(message: Any, transferListItem?: TransferListItem[]): void
  setChannel?: (channel: TinypoolChannel) => void
  on(event: string, listener: (...args: Any[]) => void): void
  once(event: string, listener: (...args: Any[]) => void): void
  emit(event: string, ...data: Any[]): void
  ref?: () => void
  unref?: () => void
  threadId: number
}

const WHY_NOT =
  'the pool starts and ends its threads, and their messages are its own: use an AbortSignal, or a MessagePort'

/** One thread: its id, and its events `error` and `exit`. */
export class SeenThread extends EventEmitter implements TinypoolWorker {
  readonly name = 'ThreadWorker'
  readonly runtime = 'worker_threads'
  readonly threadId: number
  #channel: TinypoolChannel | undefined

  constructor(threadId: number) {
    super()
    this.threadId = threadId
  }

  /** Throws. */
  initialize(): void {
    throw new Error(`initialize(): ${WHY_NOT}`)
  }

  /** Throws. */
  postMessage(): void {
    throw new Error(`postMessage(): ${WHY_NOT}`)
  }

  /** Rejects. */
  terminate(): Promise<Any> {
    return Promise.reject(new Error(`terminate(): ${WHY_NOT}`))
  }

  /** It has run a task with this channel: another one that it had is closed. */
  setChannel(channel: TinypoolChannel | undefined): void {
    const before = this.#channel
    this.#channel = channel
    if (before !== undefined && before !== channel) before.onClose?.()
  }

  /** It has ended. */
  end(error: Error | undefined): void {
    this.setChannel(undefined)
    if (error !== undefined && this.listenerCount('error') > 0) this.emit('error', error)
    this.emit('exit', error === undefined ? 0 : 1)
  }

  /** Does nothing: threads of a pool keep no process alive. */
  ref(): void {}
  unref(): void {}
}

/** Throws for a channel that carries messages. */
export function checkChannel(channel: TinypoolChannel): void {
  const which = channel.onMessage ? 'onMessage' : channel.postMessage ? 'postMessage' : undefined
  if (which === undefined) return
  const instead = which === 'onMessage' ? 'listening to' : 'sending to'
  throw new Error(
    `{ runtime: 'worker_threads' } doesn't support channel.${which}. Use transferListItem for ${instead} messages instead.`,
  )
}
