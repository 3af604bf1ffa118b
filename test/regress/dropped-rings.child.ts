/**
 * Rings that are dropped without being closed, bare and of promises: `BACKEND`. Prints what is left open, and how many
 * warnings there were. Needs --expose-gc. A process of its own for dropped-rings.test.ts.
 */
import { loadSyscalls } from '../../src/driver/bare.js'
import { Uring } from '../../src/driver/uring.js'
import { nowMs } from '../../src/lib/clock.js'
import { prepNop } from '../../src/ring/prep.js'
import { queueInit } from '../../src/ring/ring.js'
import { nrOpenFds } from '../../src/sys/loop.test.fds.js'

const NR = 20
const HANG_MS = 20_000
const backend = process.argv[2] as 'kernel' | 'threads'
const gc = (globalThis as { gc?: () => void }).gc!
const syscalls = await loadSyscalls(backend)
let nrWarnings = 0
process.on('warning', (warning) => {
  if ((warning as { code?: string }).code === 'URING_RING_DROPPED') nrWarnings++
  else console.log(String(warning))
})

function dropBare(): void {
  const ring = queueInit(syscalls, 8)
  prepNop(ring.sq.words, ring.sq.getSqe())
  ring.submitAndWait(1)
}

/** Resolves with an operation's result whose ring nobody holds. */
async function drop(isInFlight: boolean): Promise<number> {
  const ring = await Uring.open({ backend, entries: 8 })
  await ring.nop()
  return isInFlight ? ring.nop({ async: true }) : 0
}

async function collected(nr: number, before: number): Promise<string> {
  for (const end = nowMs() + HANG_MS; nowMs() < end; ) {
    gc()
    await new Promise(setImmediate)
    if (nrWarnings >= nr && nrOpenFds() <= before) break
  }
  return `${nrOpenFds() - before} descriptors, ${nrWarnings} warnings`
}

// What the first of them leaves open for the next.
const kept = await Uring.open({ backend })
await kept.nop({ async: true })
const before = nrOpenFds()
for (let i = 0; i < NR; i++) dropBare()
console.log(await collected(NR, before))
const results = await Promise.all(Array.from({ length: NR }, (_, i) => drop(i % 2 === 0)))
console.log(results.every((res) => res === 0))
console.log(await collected(2 * NR, before))
await kept.close()
