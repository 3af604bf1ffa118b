/**
 * Timers of a thread under test: a scenario may pretend them. Imported before anything else of such a thread, for the
 * package takes its timers as it is loaded.
 */
import { isMainThread } from 'node:worker_threads'

type SetTimer = (callback: () => void, ms: number) => object
type SetTurn = (callback: () => void) => object

let pretendedTimer = globalThis.setTimeout as unknown as SetTimer
let pretendedTurn = globalThis.setImmediate as unknown as SetTurn

/** From now on this thread's timers are what `pretend` makes of them. The main thread's are left alone. */
export function pretendTimers(pretend: SetTimer): void {
  pretendedTimer = pretend
}

/** The same for what comes in the next turn of its event loop. */
export function pretendTurns(pretend: SetTurn): void {
  pretendedTurn = pretend
}

if (!isMainThread) {
  globalThis.setTimeout = ((callback: () => void, ms: number) => pretendedTimer(callback, ms)) as typeof setTimeout
  globalThis.setImmediate = ((callback: () => void) => pretendedTurn(callback)) as unknown as typeof setImmediate
}
