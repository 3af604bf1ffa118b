/**
 * Types of the messages between tinypool and its own threads: a program may name them, nothing here sends one. Types only.
 */
import type { MessagePort } from 'node:worker_threads'
import type { Any } from '../any.js'

export interface TinypoolWorkerMessage<T extends 'port' | 'pool' = 'port' | 'pool'> {
  __tinypool_worker_message__: true
  source: T
}
export interface StartupMessage {
  filename: string | null
  name: string
  port: MessagePort
  sharedBuffer: Int32Array
  useAtomics: boolean
}
export interface RequestMessage {
  taskId: number
  task: Any
  filename: string
  name: string
}
export interface ReadyMessage {
  ready: true
}
export interface ResponseMessage {
  taskId: number
  result: Any
  error: unknown | null
  usedMemory: number
}
