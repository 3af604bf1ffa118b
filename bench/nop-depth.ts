/**
 * NOPs on the bare ring: what a request costs that does nothing. Main thread.
 *
 * A batch of `depth` NOPs is submitted and waited for by one enter. `c/liburing` is the same loop in C, where gcc and
 * liburing are: what is left between the two is JavaScript and the foreign call.
 */
import { prepNop } from 'uring/ring'
import type { Bench, Plan, Subject } from './bench.js'
import { BACKENDS, openRing, RawLoop, usableBackends } from './rings.js'
import { compileNopLiburing } from './rivals/nop-liburing.js'

const DEPTHS = [1, 32, 256]
const RIVAL = 'c/liburing'

export const bench: Bench = {
  question: 'how many NOPs a second go through a bare ring, one batch of `depth` at a time?',
  unit: 'NOPs',
  pairs: [
    ...BACKENDS.map((backend) => [`uring/${backend}/raw`, RIVAL] as const),
    ['uring/threads/raw', 'uring/kernel/raw'],
  ],
  async settings(plan) {
    const backends = await usableBackends(plan, ['raw'])
    const liburing = await compileNopLiburing(plan, RIVAL)
    return DEPTHS.map((depth) => ({
      name: `depth=${depth}`,
      async open() {
        const subjects = await Promise.all(backends.map((backend) => openNops(plan, backend, depth)))
        if (liburing !== undefined) {
          subjects.push({ name: RIVAL, round: () => liburing(depth, plan.roundMs) })
        }
        return subjects
      },
    }))
  },
}

async function openNops(plan: Plan, backend: 'kernel' | 'threads', depth: number): Promise<Subject> {
  const ring = await openRing(backend, depth)
  const loop = new RawLoop(ring, depth, depth, { prep: prepOneNop, res: 0 })
  return {
    name: `uring/${backend}/raw`,
    round: async () => loop.round(plan.roundMs),
    close: () => ring.queueExit(),
  }
}

function prepOneNop(words: Int32Array, at: number): void {
  prepNop(words, at)
}
