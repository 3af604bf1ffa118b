import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { closeSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { code, makePipe, onEachBackend, outcomes, scratchDirectory } from './driver.test.backends.js'

const directory = scratchDirectory()

/** Lets what was issued be submitted. */
const nextTurn = () => new Promise(setImmediate)

onEachBackend('a signal that has fired refuses the operation', async (open) => {
  const ring = await open()
  const reason = new Error('why')
  const error = (await ring.nop({ signal: AbortSignal.abort(reason) }).catch((e) => e)) as Error & { code: string }
  assert.equal(error.name, 'AbortError')
  assert.equal(error.code, 'ABORT_ERR')
  assert.equal(error.message, 'The operation was aborted')
  assert.equal(error.cause, reason)
  await nextTurn()
  assert.equal(ring.stats().sqes, 0)
})

onEachBackend('an operation aborted before it is submitted is taken back', async (open) => {
  const ring = await open()
  const controller = new AbortController()
  const { signal } = controller
  const ends = [ring.nop(), ring.nop({ signal }), ring.nop()]
  controller.abort()
  assert.deepEqual(await outcomes(ends), [0, 'ABORT_ERR', 0])
  assert.equal(ring.stats().sqes, 2)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

onEachBackend('a chain whose member is aborted before it is submitted breaks there', async (open) => {
  const ring = await open()
  const controller = new AbortController()
  const ends = [
    ring.nop({ link: true }),
    ring.nop({ link: true, signal: controller.signal }),
    ring.nop({ link: true }),
    ring.nop(),
    ring.nop(),
  ]
  controller.abort()
  assert.deepEqual(await outcomes(ends), [0, 'ABORT_ERR', 'ECANCELED', 'ECANCELED', 0])
})

onEachBackend('an operation in flight is cancelled, and its caller is shown', async (open) => {
  const ring = await open()
  const [from, to] = makePipe()
  const controller = new AbortController()
  const { signal } = controller
  async function whoReads(): Promise<number> {
    return await ring.read(from, new Uint8Array(8), { signal })
  }
  const pending = whoReads()
  await nextTurn()
  assert.equal(ring.stats().inFlight, 1)
  controller.abort('enough')
  const error = (await pending.catch((e) => e)) as Error
  assert.equal(error.name, 'AbortError')
  assert.equal(error.cause, 'enough')
  assert.match(error.stack ?? '', /at async whoReads/)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  writeSync(to, 'kept')
  assert.equal(await ring.read(from, new Uint8Array(8)), 4)
  closeSync(from)
  closeSync(to)
})

onEachBackend('aborting more operations than fit the ring ends each of them', async (open) => {
  const ring = await open({ entries: 4 })
  const [from, to] = makePipe()
  const controllers = Array.from({ length: 100 }, () => new AbortController())
  const pending = controllers.map(({ signal }) => ring.read(from, new Uint8Array(8), { signal }))
  await nextTurn()
  for (const controller of controllers) controller.abort()
  assert.deepEqual(new Set(await outcomes(pending)), new Set(['ABORT_ERR']))
  assert.equal(ring.stats().inFlight, 0)
  assert.equal(await ring.nop(), 0)
  closeSync(from)
  closeSync(to)
})

onEachBackend('an operation that succeeds although aborted resolves', async (open, backend) => {
  const ring = await open()
  for (let i = 0; i < 20; i++) {
    const controller = new AbortController()
    const { signal } = controller
    const pending = ring.openat(join(directory, `raced-${backend}-${i}`), 'w', 0o600, { signal })
    await nextTurn()
    controller.abort()
    await pending.then(
      (fd) => ring.close(fd),
      (error) => assert.equal(error.name, 'AbortError'),
    )
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  }
})

onEachBackend('a listener does not outlive its operation', async (open) => {
  const ring = await open()
  const controller = new AbortController()
  const { signal } = controller
  assert.deepEqual(await outcomes([ring.nop({ signal }), ring.fsync(9999, { signal })]), [0, 'EBADF'])
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  controller.abort()
  await assert.rejects(ring.nop({ signal: 'no' as unknown as AbortSignal }), code('ERR_INVALID_ARG_TYPE'))
})

onEachBackend('a linked operation that has not started is cancelled once it starts', async (open) => {
  const ring = await open()
  const [from, to] = makePipe()
  const controller = new AbortController()
  const ends = outcomes([
    ring.read(from, new Uint8Array(1), { link: true }),
    ring.read(from, new Uint8Array(1), { signal: controller.signal }),
  ])
  await nextTurn()
  controller.abort()
  await nextTurn()
  writeSync(to, '1')
  assert.deepEqual(await ends, [1, 'ABORT_ERR'])
  closeSync(from)
  closeSync(to)
})

onEachBackend('operations that share a signal share one listener', async (open) => {
  const ring = await open()
  const [from, to] = makePipe()
  const controller = new AbortController()
  const { signal } = controller
  const reads = Array.from({ length: 30 }, () => ring.read(from, new Uint8Array(8), { signal }))
  const ends = outcomes([ring.nop({ signal }), ...reads])
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  await nextTurn()
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  controller.abort()
  assert.deepEqual(await ends, [0, ...Array(30).fill('ABORT_ERR')])
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  closeSync(from)
  closeSync(to)
})

onEachBackend('more operations than there is room for cancels are all cancelled', async (open) => {
  // Room for two.
  const ring = await open({ entries: 4, cqEntries: 8 })
  // Reads of one pipe go one after another.
  const pipes = Array.from({ length: 6 }, makePipe)
  const controller = new AbortController()
  const { signal } = controller
  const ends = pipes.map(([from]) => ring.read(from, new Uint8Array(8), { signal }))
  await nextTurn()
  assert.equal(ring.stats().inFlight, 6)
  controller.abort()
  assert.deepEqual(await outcomes(ends), new Array(6).fill('ABORT_ERR'))
  for (const fd of pipes.flat()) closeSync(fd)
})
