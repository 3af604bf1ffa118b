/**
 * `child.js BACKEND`: opens a ring of the package as shipped without a descriptor left, gives them back, opens one again.
 * Prints the code of the first and what the second reads. A process of its own, of few descriptors.
 */
import { closeSync, openSync } from 'node:fs'
import type * as Shipped from '../../src/index.js'

const { Uring } = (await import(new URL('../../lib/index.js', import.meta.url).href)) as typeof Shipped
const backend = process.argv[2] as 'auto' | 'kernel' | 'threads'
const taken: number[] = []
try {
  for (;;) taken.push(openSync('/dev/null', 'r'))
} catch {
  // None is left.
}
try {
  await Uring.open({ backend })
  console.log('opened')
} catch (error) {
  console.log((error as { code?: string }).code)
}
for (const fd of taken) closeSync(fd)
const ring = await Uring.open({ backend })
const fd = await ring.openat('/dev/zero')
console.log(await ring.read(fd, Buffer.alloc(8)))
await ring.close(fd)
await ring.close()
