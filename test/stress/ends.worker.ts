/**
 * A thread of ends.ts: a Worker that uses a ring until it is ended or ends of itself, or jobs that do.
 */
import { closeSync, openSync } from 'node:fs'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import type { Load, Way } from './ends.js'

const LARGE = 1 << 16
const SMALL = 4096
const LIB = new URL('../../lib/', import.meta.url)

interface Told {
  readonly way: Way
  readonly backend: 'kernel' | 'threads'
  readonly load: Load
  readonly afterMs: number
}

/** Uses a ring until `isOver`, then says so to it, closes it or leaves it. */
async function use(backend: 'kernel' | 'threads', load: Load, isOver: () => boolean, end?: 'close' | 'destroy') {
  const { Uring } = (await import(new URL('index.js', LIB).href)) as typeof import('../../src/index.js')
  const ring = await Uring.open({ backend })
  const fd = openSync(process.execPath, 'r')
  await ring.read(fd, Buffer.alloc(1 << 20), { position: 0, async: true })
  parentPort?.postMessage('up')
  while (!isOver()) {
    if (load === 'rest') await new Promise((resolve) => setTimeout(resolve, 5))
    else if (load === 'open') {
      const other = await Uring.open({ backend })
      await other.nop({ async: true })
      await other.close()
    } else {
      const bytes = load === 'large' ? LARGE : SMALL
      const one = (_: unknown, i: number) =>
        ring.read(fd, Buffer.allocUnsafeSlow(bytes), { position: i * bytes, async: i % 4 === 0 })
      await Promise.all(Array.from({ length: 32 }, one))
    }
  }
  closeSync(fd)
  if (end !== undefined) await ring[end]()
}

/** The pool's job: never ends by itself. */
export async function useRing(backend: 'kernel' | 'threads', load: Load): Promise<void> {
  await use(backend, load, () => false)
}

const told = workerData as Partial<Told> | undefined
if (!isMainThread && told?.way !== undefined) {
  const { way, backend, load, afterMs } = told as Told
  const endsAt = performance.now() + afterMs / 3
  if (way === 'exit') setTimeout(() => process.exit(0), afterMs / 2)
  const isOver = () => way === 'natural' && performance.now() >= endsAt
  await use(backend, load, isOver, Math.floor(afterMs) % 2 === 0 ? 'close' : 'destroy')
}
