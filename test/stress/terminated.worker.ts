/**
 * The Worker of terminated.ts: a thousand reads in flight, most of pipes, some of a file one after another, until it is
 * ended or told to end itself.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Uring } from '../../src/driver/uring.js'
import { FILE_BYTES, type Orders, READ_BYTES } from './terminated.js'

const { backend, pipes, file, nrReads } = workerData as Orders
const ring = await Uring.open({ backend, entries: 1024 })
/** A piece of memory for each read. */
const fresh = () => new Uint8Array(new ArrayBuffer(READ_BYTES))

// All of them take part from the beginning.
if (backend === 'threads') ring.maxWorkers(1, 1)
await Promise.all(pipes.map((pipe) => ring.read(pipe, new Uint8Array(1), { async: true })))
await Promise.all([ring.nop({ async: true }), ring.read(file, fresh(), { position: 0, async: true })])

async function readFile(lane: number): Promise<void> {
  for (let block = lane; ; block += 7) {
    await ring.read(file, fresh(), { position: (block * READ_BYTES) % FILE_BYTES, async: block % 2 === 0 })
  }
}

for (let i = 0; i < nrReads; i++) {
  const pipe = pipes[i % pipes.length]
  if (i % 10 === 0) void readFile(i)
  else if (pipe !== undefined) void ring.read(pipe, fresh())
}
await ring.nop()
parentPort?.on('message', (way) => {
  if (way === 'exit') process.exit(3)
  throw new Error('as it was told')
})
parentPort?.postMessage('ready')
