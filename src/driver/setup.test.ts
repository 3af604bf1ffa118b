/**
 * How a ring is set up: the flags tried one after another, completion queues, polled submission, attached rings. Main
 * thread.
 */
import assert from 'node:assert/strict'
import { closeSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  IORING_SETUP_ATTACH_WQ,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQ_AFF,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
  IORING_SQ_NEED_WAKEUP,
} from '../abi/constants.js'
import { PARAMS } from '../abi/params.js'
import type { RingMemory, Syscalls } from '../abi/syscalls.js'
import { setClock } from '../lib/clock.js'
import { EINVAL, ENOMEM } from '../lib/errno.js'
import { code, makePipe, onEachBackend, outcomes, scratchDirectory } from './driver.test.backends.js'
import { setUp } from './open.js'
import type { RingSettings } from './open-options.js'
import { driverOf, type OpenOptions, Uring } from './uring.js'

const directory = scratchDirectory()
const DEFER = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG
const COOP = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG
const PLAIN: RingSettings = {
  entries: 8,
  cqEntries: 32,
  sqpoll: false,
  sqThreadIdleMs: undefined,
  sqThreadCpu: undefined,
  attachWq: undefined,
}

/** A kernel that knows some setup flags and answers an errno for the others. */
class OldKernel implements Syscalls {
  readonly name = 'kernel'
  readonly takesNullPath = false
  readonly asked: number[] = []
  /** The last params. */
  params: DataView = new DataView(new ArrayBuffer(PARAMS.size))
  readonly #unknown: number
  readonly #errno: number

  constructor(unknown: number, errno = EINVAL) {
    this.#unknown = unknown
    this.#errno = errno
  }

  setup(entries: number, bytes: Uint8Array): number {
    const params = new DataView(bytes.buffer, bytes.byteOffset)
    const flags = params.getUint32(PARAMS.at.flags, true)
    this.asked.push(flags)
    this.params = params
    if ((flags & this.#unknown) !== 0) return -this.#errno
    params.setUint32(PARAMS.at.sq_entries, entries, true)
    params.setUint32(PARAMS.at.sq_off_array, 64, true)
    params.setUint32(PARAMS.at.cq_off_cqes, 256, true)
    return 5
  }

  memory(): RingMemory {
    return { rings: new ArrayBuffer(4096), sqes: new ArrayBuffer(4096) }
  }

  enter = () => -EINVAL
  register = () => -EINVAL
  close = () => 0
}

test('the best setup flags are taken that a kernel knows', () => {
  const common = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE
  const cases: [name: string, unknown: number, taken: number, nrAsked: number][] = [
    ['6.6', 0, DEFER | common | IORING_SETUP_NO_SQARRAY, 1],
    ['6.1', IORING_SETUP_NO_SQARRAY, DEFER | common, 2],
    ['5.19', IORING_SETUP_NO_SQARRAY | IORING_SETUP_DEFER_TASKRUN, COOP | common, 3],
    ['5.18', IORING_SETUP_NO_SQARRAY | DEFER | COOP, common, 4],
    ['5.12', IORING_SETUP_NO_SQARRAY | DEFER | COOP | IORING_SETUP_SUBMIT_ALL, common & ~IORING_SETUP_SUBMIT_ALL, 5],
  ]
  for (const [name, unknown, taken, nrAsked] of cases) {
    const kernel = new OldKernel(unknown)
    assert.equal(setUp(kernel, PLAIN).flags, taken, name)
    assert.equal(kernel.asked.length, nrAsked, name)
    assert.equal(kernel.asked.at(-1), taken, name)
  }
})

test('a polled ring has its own flags, and none that it could not have', () => {
  const settings = { ...PLAIN, sqpoll: true, sqThreadIdleMs: 7, sqThreadCpu: 1 }
  const sqpoll = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE
  const cases: [unknown: number, taken: number][] = [
    [0, sqpoll | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_NO_SQARRAY],
    [IORING_SETUP_NO_SQARRAY, sqpoll | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_SUBMIT_ALL],
    [IORING_SETUP_NO_SQARRAY | IORING_SETUP_SINGLE_ISSUER, sqpoll | IORING_SETUP_SUBMIT_ALL],
    [IORING_SETUP_NO_SQARRAY | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_SUBMIT_ALL, sqpoll],
  ]
  for (const [unknown, taken] of cases) {
    const kernel = new OldKernel(unknown)
    assert.equal(setUp(kernel, settings).flags, taken)
    assert.ok(kernel.asked.every((flags) => (flags & (IORING_SETUP_DEFER_TASKRUN | COOP)) === 0))
    assert.equal(kernel.params.getUint32(PARAMS.at.sq_thread_idle, true), 7)
    assert.equal(kernel.params.getUint32(PARAMS.at.sq_thread_cpu, true), 1)
  }
})

test('a kernel that refuses for another reason, or everything, is asked no more', () => {
  const short = new OldKernel(IORING_SETUP_CLAMP, ENOMEM)
  assert.throws(() => setUp(short, PLAIN), code('ENOMEM'))
  assert.equal(short.asked.length, 1)
  const never = new OldKernel(IORING_SETUP_CLAMP)
  assert.throws(() => setUp(never, PLAIN), code('EINVAL'))
  assert.equal(never.asked.length, 5)
})

onEachBackend('SINGLE_ISSUER with DEFER_TASKRUN is the default where this kernel has it', async (open) => {
  const { flags } = driverOf(await open()).ring
  assert.equal(flags & (DEFER | IORING_SETUP_NO_SQARRAY), DEFER | IORING_SETUP_NO_SQARRAY)
  assert.equal(flags & IORING_SETUP_SQPOLL, 0)
})

onEachBackend('the CQ has the size asked for, and bounds what is in flight', async (open) => {
  const small = await open({ entries: 4, cqEntries: 4 })
  assert.equal(driverOf(small).ring.cq.entries, 4)
  const [from, to] = makePipe()
  const reads = Array.from({ length: 10 }, () => small.read(from, new Uint8Array(1), { position: 0 }))
  await new Promise(setImmediate)
  assert.deepEqual([small.stats().inFlight, small.stats().queued], [3, 7])
  writeSync(to, '0123456789')
  assert.deepEqual(await Promise.all(reads), Array(10).fill(1))
  closeSync(from)
  closeSync(to)
  assert.equal(driverOf(await open({ entries: 1, cqEntries: 2 })).ring.cq.entries, 2)
  assert.equal(driverOf(await open({ entries: 3, cqEntries: 1000 })).ring.cq.entries, 1024)
})

test('options that do not go together reject with a code, before anything is set up', async () => {
  const bad: [string, OpenOptions][] = [
    ['ERR_OUT_OF_RANGE', { cqEntries: 1 }],
    ['ERR_OUT_OF_RANGE', { entries: 64, cqEntries: 63 }],
    ['ERR_OUT_OF_RANGE', { cqEntries: 65537 }],
    ['ERR_INVALID_ARG_TYPE', { cqEntries: '512' as unknown as number }],
    ['ERR_OUT_OF_RANGE', { asyncBytes: -1 }],
    ['ERR_INVALID_ARG_TYPE', { asyncBytes: null as unknown as number }],
    ['ERR_INVALID_ARG_TYPE', { sqpoll: 1 as unknown as boolean }],
    ['ERR_INVALID_ARG_VALUE', { sqThreadIdleMs: 10 }],
    ['ERR_INVALID_ARG_VALUE', { sqThreadCpu: 0 }],
    ['ERR_OUT_OF_RANGE', { sqpoll: true, sqThreadIdleMs: 0 }],
    ['ERR_OUT_OF_RANGE', { sqpoll: true, sqThreadCpu: -1 }],
    ['ERR_INVALID_ARG_VALUE', { backend: 'threads', sqpoll: true }],
    ['ERR_INVALID_ARG_TYPE', { attachWq: {} as unknown as Uring }],
    ['ERR_INVALID_ARG_TYPE', { attachWq: 3 as unknown as Uring }],
  ]
  for (const [expected, options] of bad) await assert.rejects(Uring.open(options), code(expected), inspect(options))
})

const inspect = (options: OpenOptions) => JSON.stringify(options)

onEachBackend('a ring attaches to one of its thread and backend that is open', async (open, backend) => {
  const first = await open()
  const second = await Uring.open({ attachWq: first })
  assert.equal(second.backend, backend)
  assert.match(second.reason, /attached/)
  assert.notEqual(driverOf(second).ring.flags & IORING_SETUP_ATTACH_WQ, 0)
  await first.close()
  assert.equal(await second.nop({ async: true }), 0)
  await assert.rejects(Uring.open({ attachWq: first }), code('ERR_INVALID_STATE'))
  const other = backend === 'kernel' ? 'threads' : 'kernel'
  await assert.rejects(Uring.open({ backend: other, attachWq: second }), code('ERR_INVALID_ARG_VALUE'))
  await assert.rejects(Uring.open({ sqpoll: true, attachWq: second }), code('ERR_INVALID_ARG_VALUE'))
  await second.close()
})

/** The kernel's threads of this process that poll for submissions. */
function pollers(): string[] {
  return readdirSync('/proc/self/task').filter((tid) => {
    try {
      return readFileSync(`/proc/self/task/${tid}/comm`, 'utf8').startsWith('iou-sqp-')
    } catch {
      return false
    }
  })
}

const polled: { skip: string | false } = { skip: false }
try {
  await (await Uring.open({ backend: 'kernel', sqpoll: true, sqThreadIdleMs: 1 })).close()
} catch (error) {
  polled.skip = (error as Error).message
}
const turn = () => new Promise(setImmediate)

test('a polled ring carries everything out, also what does not fit into it', polled, async () => {
  const ring = await Uring.open({ backend: 'kernel', sqpoll: true, sqThreadIdleMs: 20, entries: 8 })
  const path = join(directory, 'polled')
  writeFileSync(path, 'what is read')
  const fd = await ring.openat(path, 'r+')
  const buffers = Array.from({ length: 300 }, () => new Uint8Array(12))
  assert.deepEqual(
    await Promise.all(buffers.map((buffer) => ring.read(fd, buffer, { position: 0 }))),
    Array(300).fill(12),
  )
  for (const buffer of buffers) assert.equal(Buffer.from(buffer).toString(), 'what is read')
  const chain = [
    ring.write(fd, Buffer.from('W'), { position: 0, link: true }),
    ring.fsync(9999, { link: true }),
    ring.nop(),
  ]
  assert.deepEqual(await outcomes(chain), [1, 'EBADF', 'ECANCELED'])
  assert.equal(readFileSync(path, 'utf8'), 'What is read')
  await ring.close(fd)
  const { sqes, cqes, inFlight, queued } = ring.stats()
  assert.deepEqual([sqes, cqes, inFlight, queued], [305, 305, 0, 0])
  await ring.close()
})

test('a polled ring whose thread has gone to sleep is woken', polled, async () => {
  const ring = await Uring.open({ backend: 'kernel', sqpoll: true, sqThreadIdleMs: 1 })
  const { sq } = driverOf(ring).ring
  for (let i = 0; i < 5; i++) {
    while ((sq.flags() & IORING_SQ_NEED_WAKEUP) === 0) await turn()
    assert.equal(await ring.nop(), 0)
    assert.equal(await ring.nop({ async: true }), 0)
  }
  assert.ok(ring.stats().enters >= 5)
  await ring.close()
})

test('a polled ring cancels, and does not spin while it waits', polled, async () => {
  const ring = await Uring.open({ backend: 'kernel', sqpoll: true, sqThreadIdleMs: 20, entries: 2 })
  const [from, to] = makePipe()
  const controller = new AbortController()
  const { signal } = controller
  const reads = Array.from({ length: 4 }, () => ring.read(from, new Uint8Array(1), { position: 0, signal }))
  const { sq } = driverOf(ring).ring
  while (ring.stats().queued > 0 || sq.ready() > 0) await turn()
  await turn()
  let nrLooks = 0
  setClock(() => ++nrLooks / 1000)
  for (let i = 0; i < 20; i++) await turn()
  setClock(undefined)
  assert.equal(nrLooks, 0, 'rounds of a ring that waits')
  controller.abort()
  for (const read of reads) await assert.rejects(read, { name: 'AbortError' })
  const last = ring.read(from, new Uint8Array(1))
  writeSync(to, 'x')
  assert.equal(await last, 1)
  const pending = ring.read(from, new Uint8Array(1))
  const ended = assert.rejects(pending, { name: 'AbortError' })
  await ring.destroy()
  await ended
  closeSync(from)
  closeSync(to)
})

test('polled rings that are attached share a thread; it ends with the last of them', polled, async () => {
  while (pollers().length > 0) await turn()
  const first = await Uring.open({ backend: 'kernel', sqpoll: true, sqThreadIdleMs: 20 })
  const second = await Uring.open({ sqpoll: true, attachWq: first })
  // A thread has its name once it has done something.
  await Promise.all([first.nop(), second.nop()])
  assert.equal(pollers().length, 1)
  const third = await Uring.open({ backend: 'kernel', sqpoll: true, sqThreadIdleMs: 20 })
  await third.nop()
  assert.equal(pollers().length, 2)
  await assert.rejects(Uring.open({ sqpoll: true, sqThreadCpu: 0, attachWq: first }), code('ERR_INVALID_ARG_VALUE'))
  await first.close()
  assert.deepEqual(new Set(await Promise.all(Array.from({ length: 50 }, () => second.nop()))), new Set([0]))
  await Promise.all([second.close(), third.close()])
  while (pollers().length > 0) await turn()
})

test('the thread of a polled ring stays on its CPU', polled, async () => {
  while (pollers().length > 0) await turn()
  const ring = await Uring.open({ backend: 'kernel', sqpoll: true, sqThreadIdleMs: 20, sqThreadCpu: 0 })
  assert.equal(await ring.nop(), 0)
  const [tid] = pollers()
  assert.match(readFileSync(`/proc/self/task/${tid}/status`, 'utf8'), /^Cpus_allowed_list:\s*0$/m)
  await ring.close()
  while (pollers().length > 0) await turn()
  await assert.rejects(
    Uring.open({ backend: 'kernel', sqpoll: true, sqThreadCpu: 100_000 }),
    /EINVAL.*options\.sqThreadCpu: no CPU 100000/,
  )
})

test('where auto would take the threads, sqpoll says why it cannot', async () => {
  process.env['URING_BACKEND'] = 'threads'
  try {
    await assert.rejects(Uring.open({ sqpoll: true }), code('ERR_INVALID_ARG_VALUE'))
  } finally {
    delete process.env['URING_BACKEND']
  }
})
