/**
 * Timers of a thread under test: a scenario may pretend them. Imported before anything else of such a thread, for the
 * package takes its timers as it is loaded.
 */
import { isMainThread } from 'node:worker_threads'

type SetTimer = (callback: () => void, ms: number) => object

const real = globalThis.setTimeout as unknown as SetTimer
let pretended: SetTimer = real

/** From now on this thread's timers are what `pretend` makes of them. The main thread's are left alone. */
export function pretendTimers(pretend: SetTimer): void {
  pretended = pretend
}

if (!isMainThread) {
  globalThis.setTimeout = ((callback: () => void, ms: number) => pretended(callback, ms)) as typeof setTimeout
}
