/**
 * The errors of requests that were cancelled because no worker could be started. Owner thread only.
 *
 * A result is a number; a caller asks for the error by the request's user_data. Callers that never ask, as on a bare
 * ring, must not pay for it: old errors are dropped when there are many. No counterpart: the kernel answers -ECANCELED
 * alone.
 */
import { NONE } from '../../../lib/mpscq.js'
import type { IoRingCtx } from './ctx.js'
import { MAX_REQS } from './layout.js'
import { R_CTX, R_GENERATION, R_LINK, R_USER_DATA } from './req.js'
import type { Tctx } from './tctx.js'

export class Causes {
  readonly #errors = new Map<string, Error>()
  /** The error of the latest requests, which is often the same. */
  #last: Error | undefined

  /** A request, and those linked behind it, are about to end for lack of a worker. */
  note(tctx: Tctx, first: number, error: Error): void {
    const { mem } = tctx.wq
    const { words } = mem
    if (this.#errors.size >= MAX_REQS) this.#errors.clear()
    if (this.#last?.cause !== error) this.#last = noThread(error)
    const cause = this.#last
    for (let req = first; req !== NONE; req = words[mem.payload(req) + R_LINK]!) {
      const r = mem.payload(req)
      const [id, generation] = [words[r + R_CTX]!, words[r + R_GENERATION]!]
      this.#errors.set(keyOf(id, generation, words[r + R_USER_DATA]!, words[r + R_USER_DATA + 1]!), cause)
    }
  }

  take(ctx: IoRingCtx, low: number, high: number): Error | undefined {
    if (this.#errors.size === 0) return undefined
    const key = keyOf(ctx.id, ctx.generation, low, high)
    const error = this.#errors.get(key)
    this.#errors.delete(key)
    return error
  }
}

function keyOf(ctx: number, generation: number, low: number, high: number): string {
  return `${ctx}/${generation}/${low | 0}/${high | 0}`
}

function noThread(error: Error): Error {
  const limits = `ulimit -u, the pids.max or memory limit of the container, or ulimit -n may be what forbids it`
  return new Error(`no thread could be started to run it (${limits}): ${error.message}`, { cause: error })
}
