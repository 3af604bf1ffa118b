/**
 * A ring whose io_uring_enter is refused while operations are in flight, wait and are issued: `ERRNO`. Prints how each
 * ended. A process of its own for ring-given-up.test.ts.
 */
import { readdirSync, readlinkSync, readSync, writeSync } from 'node:fs'
import { Uring } from '../../src/driver/uring.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import { refuse } from '../cli/seccomp-filter.js'

const NO_FILTER = 77

function pipe(): readonly [readEnd: number, writeEnd: number] {
  const fds = new Int32Array(2)
  libc('pipe2')(addressOf(fds), 0)
  return [fds[0]!, fds[1]!]
}

/** The descriptors of all rings of this process. */
function ringFds(): number[] {
  const fds = readdirSync('/proc/self/fd').filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`) === 'anon_inode:[io_uring]'
    } catch {
      return false // the one that the directory was read by
    }
  })
  return fds.map(Number)
}

const ended = (what: string, promise: Promise<unknown>) =>
  promise.then(
    (value) => console.log(`${what}: ${String(value)}`),
    ({ code, syscall }) => console.log(`${what}: ${code} ${syscall ?? ''}`),
  )

const [errno] = process.argv.slice(2).map(Number)
// From Node 22 on libuv has rings of its own, and aborts when one of them is refused.
const others = ringFds()
const ring = await Uring.open({ backend: 'kernel', entries: 4, cqEntries: 16 })
const own = ringFds().find((fd) => !others.includes(fd))!
const [readEnd, writeEnd] = pipe()
const buffer = Buffer.alloc(4)
const inFlight = ring.read(readEnd, buffer)
await ring.nop()
// At the position of the same file, these wait for the one in flight; two are a chain.
const waiting = [0, 1, 2].map((i) => ring.read(readEnd, Buffer.alloc(4), { link: i === 1 }))
if (!refuse(['io_uring_enter'], errno!, [], own)) process.exit(NO_FILTER)
const all = [ended('in flight', inFlight), ...waiting.map((one, i) => ended(`waits ${i}`, one))]
for (let i = 0; i < 20; i++) all.push(ended(`given ${i}`, ring.nop()))
await Promise.all(all)
await ended('later', ring.nop())
await ended('close', ring.close())
await ended('destroy', ring.destroy())
// What the kernel had of the ring is gone: data is for others.
writeSync(writeEnd, 'data')
console.log(`left to others: ${readSync(readEnd, Buffer.alloc(4))}`)
