/**
 * Waits that last longer than a Worker may be in the kernel at a stretch, and what they return. Runs on any thread: as its
 * entry too, where it is a Worker's.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { IORING_TIMEOUT_ETIME_SUCCESS, IOSQE_IO_LINK } from '../../src/abi/constants.js'
import { nowMs } from '../../src/lib/clock.js'
import { prepTimeout } from '../../src/ring/prep.js'
import type { Ring } from '../../src/ring/ring.js'
import { type BackendName, backends } from './backends.js'
import { named, ok, put, text } from './cqes.js'
import { nop, read, sqe, write } from './fills.js'
import { Stand } from './stand.js'

/** More than two slices. */
const LONG_MS = 120
const HANG_MS = 20_000

/** On each line what a wait returned, and what was there then. */
export function longWaits(stand: Stand): string[] {
  const lines: string[] = []
  const tell = (what: string, ring: Ring, wait: () => number) => {
    const began = nowMs()
    const res = wait()
    const isEarly = res < 0 && nowMs() - began < LONG_MS * 0.99
    const cqes = ring.cq.peekBatch(8)
    ring.cq.advance(cqes.length)
    lines.push(`${what}: ${named(res)} with ${cqes.map(text).join(' ')}${isEarly ? ', too early' : ''}`)
  }
  const fresh = (fill?: (ring: Ring) => void) => {
    const ring = stand.openRing(8)
    fill?.(ring)
    return ring
  }
  const oneNop = (ring: Ring) => put(ring, 1, nop())
  let ring = fresh()
  tell('one, in time', ring, () => ring.waitCqe(LONG_MS))
  tell('several, in time', ring, () => ring.waitCqes(3, LONG_MS))
  tell('one, until', ring, () => ring.waitCqesUntil(1, process.hrtime.bigint() + BigInt(LONG_MS * 1e6)))
  tell('a minimum alone', ring, () => ring.waitCqesMinTimeout(2, undefined, LONG_MS * 1000))
  tell('a minimum and a limit', ring, () => ring.waitCqesMinTimeout(2, LONG_MS, 1000))
  ring = fresh(oneNop)
  tell('submitted, fewer than asked', ring, () => ring.submitAndWaitTimeout(2, LONG_MS))
  ring = fresh(oneNop)
  tell('one is enough after the minimum', ring, () => ring.submitAndWaitMinTimeout(2, HANG_MS, LONG_MS * 1000))
  ring = fresh(oneNop)
  tell('until, fewer than asked', ring, () =>
    ring.submitAndWaitUntil(2, process.hrtime.bigint() + BigInt(LONG_MS * 1e6)),
  )
  ring = fresh((r) => put(r, 1, sqe(prepTimeout, stand.timespec(LONG_MS), 0, 0)))
  tell('a TIMEOUT ends a wait for several', ring, () => ring.submitAndWait(3))
  ring = fresh()
  laterOn(stand, ring)
  tell('several that come one by one', ring, () => ring.submitAndWait(2))
  return lines
}

/** Two reads on the ring, whose bytes another ring of the thread writes, one after another. */
function laterOn(stand: Stand, ring: Ring): void {
  const other = stand.openRing(8)
  for (const [i, ms] of [LONG_MS / 2, LONG_MS].entries()) {
    const { readEnd, writeEnd } = stand.pipe()
    put(ring, i + 1, read(readEnd, stand.alloc(1)))
    put(other, 1, sqe(prepTimeout, stand.timespec(ms), 0, IORING_TIMEOUT_ETIME_SUCCESS), IOSQE_IO_LINK)
    put(other, 2, write(writeEnd, stand.alloc('x')))
  }
  ok(other.submit(), 'submit')
}

const { backend: name } = (workerData ?? {}) as { backend?: BackendName }
if (name !== undefined) {
  const stand = new Stand(backends.find((backend) => backend.name === name)!)
  const lines = longWaits(stand)
  stand.close()
  parentPort!.postMessage(lines)
}
