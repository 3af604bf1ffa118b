/** A module of jobs with hooks for its workers. */

import { threadId, workerData } from 'node:worker_threads'
import { fetchAdd, futexWait, loadAcquire } from '../../src/lib/barrier.js'
import { retireThread } from '../../src/pool/worker/job.js'
import { ARRIVED, RELEASED } from './gate.js'

export const OPENED = 0
export const CLOSED = 1
export const IN_USE = 2

const { words, gate } = workerData as { words: Int32Array; gate?: Int32Array }
let isOpen = false

export async function open(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  fetchAdd(words, OPENED, 1)
  isOpen = true
}

/** Awaits the gate of workerData. */
export async function openLater(): Promise<void> {
  fetchAdd(gate!, ARRIVED, 1)
  while (loadAcquire(gate!, RELEASED) === 0) await new Promise((resolve) => setImmediate(resolve))
  isOpen = true
}

export async function close(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  fetchAdd(words, CLOSED, 1)
}

export function openBadly(): never {
  throw Object.assign(new Error('no database'), { code: 'E_DB' })
}

export function openHopelessly(): never {
  throw Object.create(null)
}

/** Awaits the gate of workerData. */
export async function closeLater(): Promise<void> {
  fetchAdd(gate!, ARRIVED, 1)
  while (loadAcquire(gate!, RELEASED) === 0) await new Promise((resolve) => setImmediate(resolve))
}

export async function closeBadly(): Promise<never> {
  fetchAdd(words, CLOSED, 1)
  throw new Error('it will not close')
}

export function isReady(): boolean {
  return isOpen
}

export function die(): never {
  process.exit(1)
}

export function hold(gate: Int32Array): void {
  fetchAdd(gate, ARRIVED, 1)
  while (loadAcquire(gate, RELEASED) === 0) futexWait(gate, RELEASED, 0, 1000)
}

export function leave(): number {
  retireThread()
  return threadId
}

export function who(): number {
  return threadId
}
