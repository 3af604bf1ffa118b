/**
 * A Worker with bare rings that are never closed, and reads of a pipe in flight in each, on the package as shipped:
 * `{ backend, pipe, ending, nrRings }`. Says where its rings lie once all is under way.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type * as Bare from '../../src/driver/bare.js'

export interface Doing {
  readonly backend: 'kernel' | 'threads'
  readonly pipe: number
  readonly ending: 'terminate' | 'exit' | 'throw' | 'nothing'
  readonly nrRings: number
}

const { backend, pipe, ending, nrRings } = workerData as Doing
const { addressOf, queueInit, loadSyscalls, prepRead, setFlags, IOSQE_ASYNC, IORING_SETUP_NO_MMAP } = (await import(
  new URL('../../lib/ring.js', import.meta.url).href
)) as typeof Bare

const syscalls = await loadSyscalls(backend)
const buffer = new Uint8Array(new SharedArrayBuffer(8))
const addresses: number[] = []
const rings = Array.from({ length: nrRings }, (_, i) => {
  // One has its memory from the kernel, the next one is given it.
  const own = backend === 'kernel' && i % 2 === 1 ? IORING_SETUP_NO_MMAP : 0
  const ring = queueInit(syscalls, 8, { flags: own })
  const sqe = ring.sq.getSqe()
  prepRead(ring.sq.words, sqe, pipe, addressOf(buffer), 8, -1)
  setFlags(ring.sq.words, sqe, IOSQE_ASYNC)
  ring.submit()
  if (backend === 'kernel') addresses.push(addressOf(ring.sq.words))
  return ring
})
parentPort!.on('message', () => {
  if (ending === 'exit') process.exit(rings.length === nrRings ? 0 : 1)
  if (ending === 'throw') throw new Error('ends')
  if (ending === 'nothing') parentPort!.close()
})
parentPort!.postMessage(addresses)
