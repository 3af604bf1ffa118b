/** Soft limits of this process, set and read. Any thread. */
import { libc } from '../src/sys/libc.js'
import { addressOf } from '../src/sys/memory.js'

export const RLIMIT_FSIZE = 1
export const RLIMIT_NPROC = 6
export const RLIMIT_NOFILE = 7
export const RLIMIT_MEMLOCK = 8

const PRLIMIT64 = process.arch === 'arm64' ? 261 : 302
const pair = new BigUint64Array(2)

/** Sets a soft limit; returns what it was. */
export function limitTo(resource: number, soft: bigint): bigint {
  const prlimit = (set: number, get: number) => {
    const res = libc('syscall')(PRLIMIT64, 0, resource, set, get, 0, 0)
    if (res < 0) throw new Error(`prlimit64: ${res}`)
  }
  prlimit(0, addressOf(pair))
  const was = pair[0]!
  pair[0] = soft
  prlimit(addressOf(pair), 0)
  return was
}
