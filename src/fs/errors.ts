/**
 * Errors of the system, as node:fs/promises has them: its words, its fields, and a stack that leads to the caller. Any
 * thread.
 *
 * They are made where an async function goes on, for only there V8 knows who awaits it. Counterpart: UVException, and
 * handleErrorFromBinding of lib/internal/fs/promises.js.
 */
import { type ErrnoException, errnoError } from '../lib/errno.js'
import { captureStackTrace } from '../lib/globals.js'
import { nodeFs } from './node.js'

/** A failed operation's error under Node's name of the call; whatever else went wrong as it is. */
export function named(error: unknown, syscall: string, path?: string | Buffer, dest?: string | Buffer): unknown {
  const { errno } = error as Partial<ErrnoException>
  if (typeof errno !== 'number') return error
  const made = errnoError(errno, syscall, path, dest)
  captureStackTrace(made, named)
  return made
}

/** Rejects with `error`; where a signal that has fired is its cause, with the AbortError that Node makes of it. */
export async function aborted(error: unknown, signal: AbortSignal | undefined): Promise<never> {
  // With such a signal Node does nothing but reject.
  if (signal?.aborted === true && (error as Error).name === 'AbortError') await nodeFs.readFile('/dev/null', { signal })
  throw error
}
