import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { closeSync, writeSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { IORING_NOP_INJECT_RESULT } from '../abi/constants.js'
import type { Given } from '../lib/options.js'
import { prepNop } from '../ring/prep.js'
import { makePipe, onEachBackend, outcomes } from './driver.test.backends.js'
import { Call } from './ops/call.js'
import { OP_OPTIONS, type OpOptions } from './options.js'
import type { Supplies } from './supplies.js'
import { driverOf } from './uring.js'

onEachBackend('all operations of one turn enter by one call', async (open) => {
  const ring = await open()
  const loop = async () => {
    for (let i = 0; i < 10; i++) await ring.nop()
  }
  await Promise.all(Array.from({ length: 32 }, loop))
  const { enters, sqes, cqes, ops } = ring.stats()
  assert.equal(sqes, 320)
  assert.equal(cqes, 320)
  assert.deepEqual(ops, { NOP: 320 })
  assert.ok(enters <= 20, `${enters} enters for 10 turns`)
})

onEachBackend('a burst larger than both queues loses nothing, and ends in order', async (open) => {
  const ring = await open({ entries: 4 })
  const ended: number[] = []
  const burst = Array.from({ length: 1000 }, (_, i) => ring.nop().then(() => ended.push(i)))
  await Promise.all(burst)
  assert.deepEqual(
    ended,
    Array.from({ length: 1000 }, (_, i) => i),
  )
  assert.equal(ring.stats().sqes, 1000)
})

onEachBackend('a burst of operations that workers do loses nothing', async (open) => {
  const ring = await open({ entries: 4 })
  const burst = Array.from({ length: 300 }, () => ring.nop({ async: true }))
  assert.deepEqual(new Set(await Promise.all(burst)), new Set([0]))
})

onEachBackend('a loop that sleeps is woken for every completion', async (open) => {
  const ring = await open({ entries: 16 })
  const loop = async (nr: number) => {
    for (let i = 0; i < 200; i++) {
      await ring.nop({ async: (i + nr) % 3 !== 0 })
      if ((i * 7 + nr) % 11 === 0) await new Promise(setImmediate)
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, nr) => loop(nr)))
  assert.equal(ring.stats().cqes, 1600)
})

onEachBackend('operations that complete at once leave the event loop its turns', async (open) => {
  for (const maxTurnMs of [0, 1, 50]) {
    const ring = await open({ maxTurnMs })
    let isOver = false
    setTimeout(() => {
      isOver = true
    }, 5)
    let nr = 0
    while (!isOver && nr < 1e6) {
      await ring.nop()
      nr++
    }
    assert.ok(isOver, `${nr} operations before a timer of 5 ms had its turn`)
  }
})

onEachBackend('an operation issued while an earlier one waits is not held up', async (open) => {
  const ring = await open()
  const [from, to] = makePipe()
  const pending = ring.read(from, new Uint8Array(8))
  assert.equal(await ring.nop(), 0)
  assert.equal(await ring.nop({ async: true }), 0)
  writeSync(to, 'abc')
  assert.equal(await pending, 3)
  closeSync(from)
  closeSync(to)
})

onEachBackend('a buffer is held until its operation has ended', async (open) => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const ring = await open()
  const [from, to] = makePipe()
  const start = () => {
    const buffer = new Uint8Array(4096)
    return { promise: ring.read(from, buffer), ref: new WeakRef(buffer) }
  }
  const { promise, ref } = start()
  await new Promise(setImmediate)
  gc()
  await new Promise(setImmediate)
  assert.ok(ref.deref() !== undefined, 'held while in flight')
  writeSync(to, 'x')
  await promise
  for (let i = 0; i < 5 && ref.deref() !== undefined; i++) {
    await new Promise(setImmediate)
    gc()
  }
  assert.equal(ref.deref(), undefined, 'let go of afterwards')
  closeSync(from)
  closeSync(to)
})

onEachBackend('an error shows the functions that await the operation', async (open) => {
  const ring = await open()
  async function whoAwaits(): Promise<void> {
    await ring.openat('/nonexistent/file')
  }
  const error = (await whoAwaits().catch((e) => e)) as NodeJS.ErrnoException
  assert.match(error.stack ?? '', /at async whoAwaits/)
  assert.doesNotMatch(error.stack ?? '', /driver\/(slots|ops)/)
  assert.equal(error.message, "ENOENT: no such file or directory, openat '/nonexistent/file'")
  assert.deepEqual(
    { code: error.code, errno: error.errno, syscall: error.syscall, path: error.path },
    { code: 'ENOENT', errno: -2, syscall: 'openat', path: '/nonexistent/file' },
  )
  const unwritten = (await ring.fsync(9999).catch((e) => e)) as NodeJS.ErrnoException
  assert.equal(unwritten.message, 'EBADF: bad file descriptor, fsync')
  assert.deepEqual(await outcomes([ring.nop(), ring.close(9999)]), [0, 'EBADF'])
})

onEachBackend('callers resume in their own async context', async (open) => {
  const ring = await open()
  const context = new AsyncLocalStorage<number>()
  const loop = async (nr: number) => {
    for (let i = 0; i < 5; i++) {
      await ring.nop({ async: i % 2 === 0 })
      assert.equal(context.getStore(), nr)
    }
  }
  await Promise.all([1, 2, 3].map((nr) => context.run(nr, loop, nr)))
})

/** A NOP that ends with the result it is asked for. */
class Injected extends Call<string> {
  static readonly options = OP_OPTIONS
  readonly #res: number
  readonly #released: () => void

  constructor(_supplies: Supplies, _options: Given<OpOptions> | undefined, res: number, released: () => void) {
    super()
    this.#res = res
    this.#released = released
  }

  get syscall(): string {
    return 'rename'
  }

  override get path(): string {
    return 'from'
  }

  override get dest(): string {
    return 'to'
  }

  prep(words: Int32Array, at: number): void {
    prepNop(words, at, IORING_NOP_INJECT_RESULT, this.#res)
  }

  result(res: number): string {
    if (res === 43) throw new RangeError('no such result')
    return `result ${res}`
  }

  override release(): void {
    this.#released()
  }
}

onEachBackend(
  'an operation of another floor says itself what it becomes, and gives back what it took',
  async (open) => {
    const driver = driverOf(await open())
    let nrReleased = 0
    const released = () => nrReleased++
    assert.equal(await driver.run(Injected, undefined, 42, released), 'result 42')
    assert.equal(nrReleased, 1)
    const error = await driver.run(Injected, undefined, -17, released).catch((e: Error) => e)
    assert.equal((error as Error).message, "EEXIST: file already exists, rename 'from' -> 'to'")
    assert.equal(nrReleased, 2)
    await assert.rejects(driver.run(Injected, undefined, 43, released), { name: 'RangeError' })
    assert.equal(nrReleased, 3)
  },
)

onEachBackend('rings of one thread work side by side', async (open) => {
  const rings = await Promise.all([open(), open({ entries: 2 }), open()])
  await Promise.all(rings.flatMap((ring) => Array.from({ length: 50 }, () => ring.nop({ async: true }))))
  for (const ring of rings) assert.equal(ring.stats().cqes, 50)
})
