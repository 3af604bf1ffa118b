/**
 * The process of limits.test.ts: limits itself, and prints what calls then return. Main thread of a child process.
 *
 * `node limits.child.js BACKEND write|grow|lock|descriptors`. Only the soft limit is changed. SIGXFSZ, which comes with -EFBIG, is
 * ignored by Node.
 */
import { fstatSync } from 'node:fs'
import { AT_FDCWD, IOSQE_ASYNC, IOSQE_IO_LINK } from '../../src/abi/constants.js'
import * as prep from '../../src/ring/prep.js'
import { registerBuffers, registerBuffersSparse, registerBuffersUpdateTag } from '../../src/ring/register.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf, Mapping } from '../../src/sys/memory.js'
import { limitTo, RLIMIT_FSIZE, RLIMIT_MEMLOCK, RLIMIT_NOFILE } from '../rlimit.js'
import { backends } from './backends.js'
import { named, ok, put, reap, run, submit } from './cqes.js'
import { fsync, openat, read, sqe, write, writev } from './fills.js'
import { Stand } from './stand.js'

/** Writes files, or makes them longer, under RLIMIT_FSIZE; registers buffers under RLIMIT_MEMLOCK, or reads under RLIMIT_NOFILE. */
export type Doing = 'write' | 'grow' | 'lock' | 'descriptors'

const NR = process.arch === 'arm64' ? { capget: 90, capset: 91 } : { capget: 125, capset: 126 }
const CAPABILITY_VERSION_3 = 0x20080522
const CAP_IPC_LOCK = 14
const KIB = 1024
const PAGE = 4096

const syscall = (nr: number, a: number, b: number, c = 0, d = 0) => libc('syscall')(nr, a, b, c, d, 0, 0)
const tell = (what: string, res: number) => console.log(`${what}: ${named(res)}`)

/** From here on this thread may not lock as much memory as it likes, whoever runs it. */
function dropIpcLock(): void {
  const header = new Uint32Array([CAPABILITY_VERSION_3, 0])
  // Two times effective, permitted and inheritable ones, of 32 capabilities.
  const sets = new Uint32Array(6)
  ok(syscall(NR.capget, addressOf(header), addressOf(sets)), 'capget')
  sets[0]! &= ~(1 << CAP_IPC_LOCK)
  ok(syscall(NR.capset, addressOf(header), addressOf(sets)), 'capset')
}

function writeFiles(stand: Stand): void {
  const ring = stand.openRing(8)
  limitTo(RLIMIT_FSIZE, BigInt(64 * KIB))
  const bytes = stand.alloc('12345678')
  for (const way of [0, IOSQE_ASYNC]) {
    const fd = stand.file(`file${way}`, '')
    tell('write at 64 KiB', run(ring, write(fd, bytes, 64 * KIB), way))
    tell('write of 8 bytes, 6 before 64 KiB', run(ring, write(fd, bytes, 64 * KIB - 6), way))
    tell('writev of 8 bytes, 6 before 64 KiB', run(ring, writev(fd, stand.iovecs([bytes]), 1, 64 * KIB - 6), way))
    tell('write of the last byte', run(ring, write(fd, bytes.subarray(0, 1), 64 * KIB - 1), way))
    put(ring, 1, write(fd, bytes, 64 * KIB), IOSQE_IO_LINK | way)
    put(ring, 2, fsync(fd), way)
    submit(ring, 2)
    const [first, second] = reap(ring, 2)
    tell('write at 64 KiB in a chain', first!.res)
    tell('fsync behind it', second!.res)
    tell('bytes of the file', fstatSync(fd).size)
  }
}

function growFiles(stand: Stand): void {
  const ring = stand.openRing(8)
  limitTo(RLIMIT_FSIZE, BigInt(64 * KIB))
  const fallocate = (fd: number, len: number) => sqe(prep.prepFallocate, fd, 0, 0, len)
  for (const way of [0, IOSQE_ASYNC]) {
    const fd = stand.file(`file${way}`, '')
    tell('fallocate of 128 KiB', run(ring, fallocate(fd, 128 * KIB), way))
    tell('fallocate of 64 KiB', run(ring, fallocate(fd, 64 * KIB), way))
    tell('ftruncate to 128 KiB', run(ring, sqe(prep.prepFtruncate, fd, 128 * KIB), way))
    tell('bytes of the file', fstatSync(fd).size)
  }
}

function lockMemory(stand: Stand): void {
  dropIpcLock()
  // Rings lock memory too, and others of the same user count; so it is there before the limit is low.
  const ring = stand.openRing(8)
  const { address } = new Mapping(2 * PAGE)
  const buffer = new BigUint64Array([BigInt(address), BigInt(2 * PAGE)])
  const was = limitTo(RLIMIT_MEMLOCK, BigInt(PAGE))
  tell('two pages, of which one may be locked', registerBuffers(ring, buffer))
  tell('a table with holes', registerBuffersSparse(ring, 2))
  tell('two pages into it', registerBuffersUpdateTag(ring, 1, buffer))
  limitTo(RLIMIT_MEMLOCK, was)
  tell('two pages into it, as before the limit', registerBuffersUpdateTag(ring, 1, buffer))
  const fd = stand.file('file', 'text')
  tell('a read into them', run(ring, sqe(prep.prepReadFixed, fd, address, 2 * PAGE, 0, 1)))
}

function useDescriptors(stand: Stand): void {
  const ring = stand.openRing(8)
  const fd = stand.file('file', 'text')
  const bytes = stand.alloc(4)
  const path = stand.cstr(stand.path('file'))
  tell('a read by a worker', run(ring, read(fd, bytes, 0), IOSQE_ASYNC))
  // Those there are stay.
  const was = limitTo(RLIMIT_NOFILE, 3n)
  tell('a read at once, without descriptors', run(ring, read(fd, bytes, 0)))
  tell('a read by a worker, without descriptors', run(ring, read(fd, bytes, 0), IOSQE_ASYNC))
  tell('a read of no file by a worker, without descriptors', run(ring, read(9999, bytes, 0), IOSQE_ASYNC))
  tell('an open by a worker, without descriptors', run(ring, openat(AT_FDCWD, path, 0, 0), IOSQE_ASYNC))
  put(ring, 1, read(fd, bytes, 0), IOSQE_ASYNC | IOSQE_IO_LINK)
  put(ring, 2, fsync(fd))
  submit(ring, 2)
  const ends = reap(ring, 2).sort((a, b) => a.userData - b.userData)
  tell('a read in a chain, without descriptors', ends[0]!.res)
  tell('fsync behind it', ends[1]!.res)
  limitTo(RLIMIT_NOFILE, was)
  tell('a read by a worker, as before', run(ring, read(fd, bytes, 0), IOSQE_ASYNC))
}

const [, , backend, doing] = process.argv
const DOINGS: Readonly<Record<Doing, (stand: Stand) => void>> = {
  write: writeFiles,
  grow: growFiles,
  lock: lockMemory,
  descriptors: useDescriptors,
}
const stand = new Stand(backends.find(({ name }) => name === backend)!)
DOINGS[doing as Doing](stand)
stand.close()
