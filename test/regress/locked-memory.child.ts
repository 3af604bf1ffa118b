/**
 * Rings of an ordinary user who may lock little memory, opened and closed one after another. Prints how many were of the
 * kernel's. To be run with a limit, by root. A process of its own for locked-memory.test.ts.
 */
import { loadSyscalls } from '../../src/driver/bare.js'
import { Uring } from '../../src/driver/uring.js'
import { queueInit } from '../../src/ring/ring.js'

const NOBODY = 65534
const NR = 40
await loadSyscalls('kernel')
process.setgid!(NOBODY)
process.setuid!(NOBODY)
let nrKernel = 0
for (let i = 0; i < NR; i++) {
  const ring = await Uring.open()
  if (ring.backend === 'kernel') nrKernel++
  await ring.nop()
  await ring.close()
}
const syscalls = await loadSyscalls('kernel')
for (let i = 0; i < NR; i++) queueInit(syscalls, 256, { cqEntries: 1024 }).queueExit()
console.log(nrKernel)
