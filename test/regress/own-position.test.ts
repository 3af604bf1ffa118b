/**
 * Operations at a file's own position go one after another, in the order of issue. Main thread, both backends.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { O_CLOEXEC } from '../../src/abi/posix.js'
import { makePipe, onEachBackend, outcomes, scratchDirectory } from '../../src/driver/driver.test.backends.js'
import { libc } from '../../src/sys/libc.js'
import { limitTo, RLIMIT_FSIZE } from '../rlimit.js'

const directory = scratchDirectory()
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
let nrFiles = 0
const newFile = () => join(directory, `${nrFiles++}`)

/** A FIFO open both ways: one fd to read from and to write to, which nothing ends. */
function openFifo(): number {
  const path = newFile()
  execFileSync('mkfifo', [path])
  return openSync(path, 'r+')
}

onEachBackend('writes in flight together are all there, in the order of issue', async (open) => {
  const ring = await open()
  for (const async of [undefined, true]) {
    const path = newFile()
    const fd = openSync(path, 'w')
    // Those of 1 MiB and more are a worker's anyway.
    const sizes = Array.from({ length: 300 }, (_, i) => (i % 100 === 50 ? (1 << 20) + i : (i * 37) % 5000))
    const parts = sizes.map((size, i) => Buffer.alloc(size, i % 251))
    const writes = parts.map((part, i) =>
      i % 3 === 0
        ? ring.writev(fd, [part.subarray(0, 10), part.subarray(10)], null, { async })
        : ring.write(fd, part, { async }),
    )
    assert.deepEqual(await Promise.all(writes), sizes)
    assert.ok(readFileSync(path).equals(Buffer.concat(parts)))
    closeSync(fd)
  }
})

onEachBackend('reads and writes share the position of a file', async (open) => {
  const ring = await open()
  const path = newFile()
  const fd = openSync(path, 'w+')
  await ring.write(fd, Buffer.from('0123456789'), { position: 0 })
  const [a, b] = [Buffer.alloc(2), Buffer.alloc(3)]
  const results = await Promise.all([
    ring.read(fd, a, { async: true }),
    ring.write(fd, Buffer.from('xx')),
    ring.readv(fd, [b], null, { async: true }),
    ring.write(fd, Buffer.from('y'), { position: 0 }),
    ring.writev(fd, [Buffer.from('zz')]),
  ])
  assert.deepEqual(results, [2, 2, 3, 1, 2])
  assert.deepEqual([text(a).slice(1), text(b), readFileSync(path, 'latin1')], ['1', '456', 'y1xx456zz9'])
  closeSync(fd)
})

onEachBackend('a read that waits for a stream does not stop a write on the same fd', async (open) => {
  const ring = await open()
  const fifo = openFifo()
  const [first, second] = [Buffer.alloc(8), Buffer.alloc(8)]
  const reads = [ring.read(fifo, first), ring.read(fifo, second)]
  await new Promise(setImmediate)
  assert.deepEqual(await Promise.all([ring.write(fifo, Buffer.from('one'))]), [3])
  assert.equal(await reads[0], 3)
  assert.equal(await ring.write(fifo, Buffer.from('second')), 6)
  assert.equal(await reads[1], 6)
  assert.deepEqual([text(first.subarray(0, 3)), text(second.subarray(0, 6))], ['one', 'second'])
  // An eventfd is no stream, but a counter: its reads do not wait for each other.
  const counter = libc('eventfd')(0, 0)
  const gets = outcomes([ring.read(counter, first), ring.read(counter, second)])
  while (ring.stats().inFlight < 2) await new Promise(setImmediate)
  assert.equal(ring.stats().queued, 0)
  await ring.destroy()
  assert.deepEqual(await gets, ['ABORT_ERR', 'ABORT_ERR'])
  closeSync(counter)
  closeSync(fifo)
})

onEachBackend('the reads of a pipe get its bytes in the order of issue, and one is in flight', async (open) => {
  const ring = await open()
  const [from, to] = makePipe()
  const buffers = Array.from({ length: 20 }, () => Buffer.alloc(1))
  const reads = buffers.map((buffer) => ring.read(from, buffer))
  await new Promise(setImmediate)
  assert.deepEqual([ring.stats().inFlight, ring.stats().queued], [1, 19])
  writeSync(to, 'abcdefghijklmnopqrst')
  assert.deepEqual(await Promise.all(reads), Array(20).fill(1))
  assert.equal(buffers.map(text).join(''), 'abcdefghijklmnopqrst')
  closeSync(from)
  closeSync(to)
})

onEachBackend('one that is aborted while it waits is gone, and the rest goes on', async (open) => {
  const ring = await open()
  const [from, to] = makePipe()
  const abort = new AbortController()
  const { signal } = abort
  const buffers = Array.from({ length: 6 }, () => Buffer.alloc(1))
  const reads = outcomes([
    ring.read(from, buffers[0]!),
    ring.read(from, buffers[1]!, { signal }),
    ring.read(from, buffers[2]!),
    // A member of a chain that waits fails in its turn, and breaks the chain.
    ring.read(from, buffers[3]!, { link: true }),
    ring.nop({ link: true, signal }),
    ring.read(from, buffers[4]!),
    ring.read(from, buffers[5]!),
  ])
  await new Promise(setImmediate)
  abort.abort()
  writeSync(to, 'abcd')
  assert.deepEqual(await reads, [1, 'ABORT_ERR', 1, 1, 'ABORT_ERR', 'ECANCELED', 1])
  assert.deepEqual(buffers.map(text), ['a', '\0', 'b', 'c', '\0', 'd'])
  // The one in flight is aborted: the next takes its place.
  const controller = new AbortController()
  const both = outcomes([ring.read(from, buffers[0]!, { signal: controller.signal }), ring.read(from, buffers[1]!)])
  await new Promise(setImmediate)
  controller.abort()
  await ring.nop()
  writeSync(to, 'e')
  assert.deepEqual(await both, ['ABORT_ERR', 1])
  closeSync(from)
  closeSync(to)
})

onEachBackend('chains wait as a whole, on all files that they use', async (open) => {
  const ring = await open()
  const [a, b] = [newFile(), newFile()]
  const [fdA, fdB] = [openSync(a, 'w'), openSync(b, 'w')]
  const writes: Promise<number>[] = []
  const async = true
  for (let i = 0; i < 50; i++) {
    writes.push(ring.write(fdA, Buffer.from(`${i}a `), { async, link: true }))
    writes.push(ring.nop({ link: true }))
    writes.push(ring.write(fdB, Buffer.from(`${i}b `), { async, hardlink: i % 2 === 0 }))
    if (i % 2 === 0) writes.push(ring.write(fdA, Buffer.from(`${i}c `)))
    if (i % 5 === 0) writes.push(ring.write(fdB, Buffer.from(`${i}d `)))
  }
  await Promise.all(writes)
  const expected = (letters: [string, number][]) =>
    Array.from({ length: 50 }, (_, i) => letters.map(([letter, n]) => (i % n === 0 ? `${i}${letter} ` : '')).join(''))
  assert.equal(readFileSync(a, 'latin1'), expected([['a', 1], ['c', 2]]).join('')) // biome-ignore format: pairs
  assert.equal(readFileSync(b, 'latin1'), expected([['b', 1], ['d', 5]]).join('')) // biome-ignore format: pairs
  // A chain with a bad member takes back those that were issued, also where they would have to wait.
  const refused = outcomes([
    ring.write(fdA, Buffer.from('x'), { async }),
    ring.write(fdA, Buffer.from('y'), { link: true }),
    ring.write(-1, Buffer.from('y')),
    ring.write(fdA, Buffer.from('z')),
  ])
  assert.deepEqual(await refused, [1, 'ECANCELED', 'ERR_OUT_OF_RANGE', 1])
  assert.equal(readFileSync(a, 'latin1').slice(-3), ' xz')
  closeSync(fdA)
  closeSync(fdB)
})

onEachBackend('a file is synced and closed behind what was issued for it before', async (open) => {
  const ring = await open()
  const path = newFile()
  const fd = await ring.openat(path, 'w')
  const ends: string[] = []
  const writes = Array.from({ length: 40 }, (_, i) =>
    ring.write(fd, Buffer.alloc(1000, 65 + i), { async: true }).then(() => ends.push('w')),
  )
  const synced = ring.fsync(fd).then(() => ends.push('s'))
  const closed = ring.close(fd).then(() => ends.push('c'))
  await Promise.all([...writes, synced, closed])
  assert.equal(ends.join(''), `${'w'.repeat(40)}sc`)
  assert.equal(readFileSync(path).length, 40_000)
  assert.throws(() => fstatSync(fd), { code: 'EBADF' })
})

onEachBackend('a stream that is closed lets enter what waits for it', async (open) => {
  const ring = await open()
  const path = newFile()
  execFileSync('mkfifo', [path])
  const [fifo, other] = [openSync(path, 'r+'), openSync(path, 'r+')]
  const reads = Array.from({ length: 3 }, () => ring.read(fifo, Buffer.alloc(1)))
  await new Promise(setImmediate)
  assert.equal(await ring.close(fifo), 0)
  assert.equal(ring.stats().inFlight, 3)
  writeSync(other, 'abc')
  assert.deepEqual(await Promise.all(reads), [1, 1, 1])
  closeSync(other)
})

onEachBackend('an fd that is another file by then is not touched, and waits for nobody', async (open) => {
  const ring = await open()
  const path = newFile()
  execFileSync('mkfifo', [path])
  const other = openSync(path, 'r+')
  const fd = openSync(path, 'r+')
  const first = ring.read(fd, Buffer.alloc(1))
  const second = outcomes([ring.read(fd, Buffer.alloc(1))])
  await new Promise(setImmediate)
  closeSync(other)
  const file = openSync(newFile(), 'w+')
  // At once: between a close and an open a thread that starts may take the number.
  assert.equal(libc('dup3')(file, fd, O_CLOEXEC), fd)
  closeSync(file)
  const again = fd
  writeSync(again, 'file')
  assert.equal(await ring.read(again, Buffer.alloc(4)), 0)
  closeSync(again)
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  writeSync(writer, 'x')
  assert.equal(await first, 1)
  assert.deepEqual(await second, ['EBADF'])
  closeSync(writer)
})

onEachBackend('a ring that is closed does what waits, one that is destroyed does not', async (open) => {
  const path = newFile()
  const fd = openSync(path, 'w')
  const closing = await open()
  const writes = Array.from({ length: 50 }, () => closing.write(fd, Buffer.alloc(10), { async: true }))
  await closing.close()
  assert.deepEqual(await Promise.all(writes), Array(50).fill(10))
  assert.equal(fstatSync(fd).size, 500)
  const [from, to] = makePipe()
  const destroyed = await open()
  const reads = outcomes([
    destroyed.read(from, Buffer.alloc(1)),
    destroyed.read(from, Buffer.alloc(1)),
    destroyed.read(from, Buffer.alloc(1), { link: true }),
    destroyed.nop(),
  ])
  await new Promise(setImmediate)
  await destroyed.destroy()
  assert.deepEqual(await reads, Array(4).fill('ABORT_ERR'))
  assert.deepEqual([destroyed.stats().queued, destroyed.stats().inFlight], [0, 0])
  for (const end of [from, to, fd]) closeSync(end)
})

onEachBackend('many may wait, and to take one back looks at no other', async (open) => {
  const ring = await open()
  const path = newFile()
  const fd = openSync(path, 'w')
  const byte = Buffer.from('x')
  const before = process.cpuUsage()
  const abort = new AbortController()
  const writes = Array.from({ length: 3000 }, () => ring.write(fd, byte))
  const aborted = outcomes(Array.from({ length: 20_000 }, () => ring.write(fd, byte, { signal: abort.signal })))
  abort.abort()
  assert.equal((await Promise.all(writes)).length, 3000)
  assert.deepEqual(new Set(await aborted), new Set(['ABORT_ERR']))
  assert.equal(fstatSync(fd).size, 3000)
  // Some microseconds each: to look at all others for each would take far longer.
  assert.ok(process.cpuUsage(before).user < 20_000_000, 'user time')
  closeSync(fd)
})

/** Writes A, B, C of 600,000 bytes each where a megabyte fits: what was acknowledged is there. */
async function fill(
  open: () => Promise<import('../../src/driver/uring.js').Uring>,
  path: string,
  flags: string,
  room: () => void,
) {
  const ring = await open()
  const fd = openSync(path, flags)
  const whole = Buffer.alloc(600_000, 'A')
  const results = await outcomes([
    ring.write(fd, whole),
    ring.writev(fd, [Buffer.alloc(300_000, 'B'), Buffer.alloc(300_000, 'B')], null, { async: true }),
    ring.write(fd, Buffer.alloc(600_000, 'C')),
  ])
  assert.equal(results[0], 600_000)
  assert.ok(typeof results[1] === 'number' && results[1] > 0 && results[1] < 600_000, `${results[1]}`)
  assert.ok(results[2] === 'ENOSPC' || results[2] === 'EFBIG')
  room()
  assert.equal(await ring.write(fd, Buffer.from('D')), 1)
  if (flags.includes('+')) assert.equal(await ring.read(fd, Buffer.alloc(10)), 0)
  const runs = readFileSync(path, 'latin1').replace(/(.)\1*/g, (run, letter) => `${letter}${run.length} `)
  assert.equal(runs, `A600000 B${results[1]} D1 `)
  closeSync(fd)
}

onEachBackend('the position is where the acknowledged bytes end: no file may be longer', async (open) => {
  for (const flags of ['w', 'w+', 'a', 'a+']) {
    const was = limitTo(RLIMIT_FSIZE, 1_000_000n)
    try {
      await fill(open, newFile(), flags, () => limitTo(RLIMIT_FSIZE, was))
    } finally {
      limitTo(RLIMIT_FSIZE, was)
    }
  }
})

/** A file system of 1 MiB, or why there is none. */
function smallDisk(): { path: string } | { reason: string } {
  const path = mkdtempSync(join(tmpdir(), 'uring-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'pipe' })
  } catch (error) {
    return { reason: `no file system can be mounted: ${(error as Error).message.trim().split('\n').at(-1)}` }
  }
  after(() => {
    execFileSync('umount', ['-l', path])
    rmSync(path, { recursive: true, force: true })
  })
  return { path }
}

const disk = smallDisk()
const noDisk = 'reason' in disk ? disk.reason : false
onEachBackend('the position is where the acknowledged bytes end: the disk is full', { skip: noDisk }, async (open) => {
  if ('reason' in disk) return
  for (const flags of ['w', 'w+', 'a', 'a+']) {
    const ballast = join(disk.path, 'ballast')
    writeFileSync(ballast, Buffer.alloc(8192))
    const path = join(disk.path, 'file')
    await fill(open, path, flags, () => rmSync(ballast))
    rmSync(path)
  }
})
