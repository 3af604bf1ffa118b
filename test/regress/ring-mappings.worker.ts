/** A Worker that opens, uses and closes rings of the package as shipped, one after another: `{ backend, nrRings }`. */
import { closeSync, openSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import type * as Shipped from '../../src/index.js'

export interface Doing {
  readonly backend: 'kernel' | 'threads'
  readonly nrRings: number
}

const { Uring } = (await import(new URL('../../lib/index.js', import.meta.url).href)) as typeof Shipped
const { backend, nrRings } = workerData as Doing
const fd = openSync('/dev/zero', 'r')
for (let i = 0; i < nrRings; i++) {
  const ring = await Uring.open({ backend })
  await ring.read(fd, Buffer.alloc(100), { position: 0, async: i % 10 === 0 })
  await ring.close()
}
closeSync(fd)
