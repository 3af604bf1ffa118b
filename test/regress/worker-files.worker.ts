/** A Worker that opens files, most through its ring, closes two of them by that, and ends: `{ backend, path, ending, sqpoll }`. */
import { openSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { Uring } from '../../src/driver/uring.js'

export interface Doing {
  readonly backend: 'kernel' | 'threads'
  readonly path: string
  readonly ending: 'terminate' | 'exit' | 'throw' | 'nothing'
  readonly sqpoll: boolean
}

const { backend, path, ending, sqpoll } = workerData as Doing
const ring = await Uring.open({ backend, sqpoll })
const fds: number[] = []
for (let i = 0; i < 6; i++) fds.push(await ring.openat(path))
const freed = [fds.shift()!, openSync(path, 'r')]
for (const fd of freed) await ring.close(fd)
const buffer = Buffer.alloc(4)
await ring.read(fds[0]!, buffer, { position: 0 })
parentPort!.on('message', () => {
  if (ending === 'exit') process.exit(0)
  if (ending === 'throw') throw new Error('ends')
  if (ending === 'nothing') parentPort!.close()
})
parentPort!.postMessage([freed, buffer.toString()])
