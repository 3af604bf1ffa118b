/**
 * Waits for three completions where two come: a NOP's, and that of a TIMEOUT with count 1. The call that waits takes no time,
 * but by the clock it took a whole slice. Thread entry of count-ends-a-wait.test.ts.
 */
import { parentPort } from 'node:worker_threads'
import { IORING_ENTER_EXT_ARG, IORING_ENTER_GETEVENTS } from '../../src/abi/constants.js'
import type { Syscalls } from '../../src/abi/syscalls.js'
import { loadSyscalls } from '../../src/driver/bare.js'
import { nowMs, setClock } from '../../src/lib/clock.js'
import { prepNop, prepTimeout } from '../../src/ring/prep.js'
import { queueInit } from '../../src/ring/ring.js'
import { addressOf } from '../../src/sys/memory.js'

const SLICE_MS = 50
const kernel = await loadSyscalls('kernel')
let nrWaits = 0
let passedMs = 0
const began = nowMs()
setClock(() => began + passedMs)

const syscalls: Syscalls = {
  name: kernel.name,
  takesNullPath: kernel.takesNullPath,
  setup: (entries, params) => kernel.setup(entries, params),
  enter(fd, toSubmit, minComplete, flags, arg) {
    if (minComplete === 0) return kernel.enter(fd, toSubmit, minComplete, flags, arg)
    // A second wait would be the fault: it ends at once, with an error that ends all.
    if (nrWaits++ > 0) return -1
    passedMs += SLICE_MS
    return kernel.enter(fd, toSubmit, 0, flags & ~IORING_ENTER_EXT_ARG & ~IORING_ENTER_GETEVENTS)
  },
  register: (fd, opcode, arg, nrArgs) => kernel.register(fd, opcode, arg, nrArgs),
  memory: (fd) => kernel.memory(fd),
  close: (fd) => kernel.close(fd),
}

const ring = queueInit(syscalls, 8)
const timespec = new BigInt64Array([1000n, 0n])
prepTimeout(ring.sq.words, ring.sq.getSqe(), addressOf(timespec), 1)
prepNop(ring.sq.words, ring.sq.getSqe())
const res = ring.submitAndWait(3)
parentPort!.postMessage({ res, nrReady: ring.cq.ready(), nrWaits })
ring.queueExit()
