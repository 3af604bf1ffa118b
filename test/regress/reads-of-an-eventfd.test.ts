/**
 * Reads of an eventfd that are in flight together end as it is counted up, each time the loop sleeps. Main thread, both
 * backends, the compiled modules and the package as shipped.
 */
import assert from 'node:assert/strict'
import { closeSync, writeSync } from 'node:fs'
import { libc } from '../../src/sys/libc.js'
import { onEachBuild } from '../each-build.js'

const one = Buffer.from(new BigUint64Array([1n]).buffer)

onEachBuild('each count of an eventfd ends a read of it, though the loop sleeps in between', async (open) => {
  const ring = await open()
  const fd = libc('eventfd')(0, 0)
  for (const count of [() => writeSync(fd, one), () => ring.write(fd, one)]) {
    for (let round = 0; round < 3; round++) {
      const buffers = [Buffer.alloc(8), Buffer.alloc(8)]
      const reads = buffers.map((buffer) => ring.read(fd, buffer))
      while (ring.stats().inFlight < 2) await new Promise(setImmediate)
      // The loop has slept, and been woken by something else.
      await ring.nop()
      await count()
      assert.equal(await Promise.race(reads), 8)
      await count()
      assert.deepEqual(await Promise.all(reads), [8, 8])
      assert.deepEqual(
        buffers.map((buffer) => buffer.readBigUInt64LE()),
        [1n, 1n],
      )
    }
  }
  closeSync(fd)
})
