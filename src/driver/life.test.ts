import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, readdirSync, readlinkSync, writeSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'
import { nrOpenFds } from '../sys/loop.test.fds.js'
import { code, makePipe, onEachBackend, outcomes } from './driver.test.backends.js'

const MODULE = new URL('./uring.js', import.meta.url).href

/** A process that runs `body` with a ring of `backend`, and its standard input as a pipe. */
function run(backend: string, body: string): ChildProcess & { output: Promise<string> } {
  const source = `import { Uring } from '${MODULE}'
    const ring = await Uring.open({ backend: '${backend}' })
    ${body}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['pipe', 'pipe', 'inherit'] })
  return Object.assign(child, { output: text(child.stdout!) })
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode
  return await new Promise((resolve) => child.once('exit', resolve))
}

/** The rings, eventfds and the like that this process has open, sorted. */
function openFiles(): string[] {
  const files = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return `${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`
    } catch {
      return ''
    }
  })
  // Node leaves files open when it is stopped while it loads a module.
  return files.filter((file) => file.includes('anon_inode')).sort()
}

onEachBackend('an idle ring does not keep the process alive', async (_, backend) => {
  const child = run(backend, "await ring.nop(); await ring.nop({ async: true }); console.log('done')")
  assert.equal(await exitCode(child), 0)
  assert.equal(await child.output, 'done\n')
})

onEachBackend('a busy ring does', async (_, backend) => {
  const child = run(backend, "console.log('reading'); console.log(await ring.read(0, new Uint8Array(8)))")
  child.stdout!.once('data', () => setImmediate(() => child.stdin!.write('abc')))
  assert.equal(await exitCode(child), 0)
  assert.equal(await child.output, 'reading\n3\n')
})

onEachBackend(
  'close() lets operations end, refuses new ones, and gives its descriptors back',
  async (open, backend) => {
    const before = nrOpenFds()
    const ring = await open()
    const [from, to] = makePipe()
    const pending = ring.read(from, new Uint8Array(8))
    const queued = ring.nop()
    const closed = ring.close()
    assert.equal(ring.close(), closed)
    await assert.rejects(ring.nop(), code('ERR_INVALID_STATE'))
    setImmediate(() => writeSync(to, 'ab'))
    assert.deepEqual(await outcomes([pending, queued, closed]), [2, 0, undefined])
    await assert.rejects(ring.read(from, new Uint8Array(8)), code('ERR_INVALID_STATE'))
    closeSync(from)
    closeSync(to)
    await new Promise(setImmediate)
    // The threads' workers, which have descriptors of their own, go in their own time.
    if (backend === 'kernel') assert.equal(nrOpenFds(), before)
    assert.equal(ring.stats().cqes, 2)
  },
)

onEachBackend('destroy() cancels what is in flight and what is queued', async (open) => {
  const ring = await open({ entries: 2 })
  const [from, to] = makePipe()
  const pending = Array.from({ length: 20 }, () => ring.read(from, new Uint8Array(8)))
  const ends = outcomes(pending)
  await new Promise(setImmediate)
  const chainEnds = outcomes([ring.read(from, new Uint8Array(8), { link: true }), ring.nop()])
  const destroyed = ring.destroy()
  assert.equal(ring.destroy(), destroyed)
  await destroyed
  assert.deepEqual(new Set([...(await ends), ...(await chainEnds)]), new Set(['ABORT_ERR']))
  closeSync(from)
  closeSync(to)
})

onEachBackend('destroy() cancels what a hard link starts meanwhile', async (open) => {
  const ring = await open()
  const [from, to] = makePipe()
  const read = () => ring.read(from, new Uint8Array(8), { hardlink: true })
  const ends = outcomes([read(), read(), read(), ring.nop()])
  await new Promise(setImmediate)
  await ring.destroy()
  assert.deepEqual((await ends).slice(0, 3), ['ABORT_ERR', 'ABORT_ERR', 'ABORT_ERR'])
  closeSync(from)
  closeSync(to)
})

onEachBackend('destroy() hastens a close() under way; await using closes', async (open) => {
  const ring = await open()
  const [from, to] = makePipe()
  const ends = outcomes([ring.read(from, new Uint8Array(8))])
  const closed = ring.close()
  await new Promise(setImmediate)
  await ring.destroy()
  await closed
  assert.deepEqual(await ends, ['ABORT_ERR'])
  closeSync(from)
  closeSync(to)
  const disposed = await open()
  await disposed[Symbol.asyncDispose]()
  await assert.rejects(disposed.nop(), code('ERR_INVALID_STATE'))
})

onEachBackend('a Worker leaves no descriptor behind, however it ends', async (_, backend) => {
  const source = `import { Uring } from '${MODULE}'
    import { parentPort, workerData } from 'node:worker_threads'
    const rings = [await Uring.open({ backend: '${backend}' }), await Uring.open({ backend: '${backend}' })]
    await Promise.all(rings.map((ring) => ring.nop({ async: true })))
    if (workerData.from !== undefined) rings[0].read(workerData.from, new Uint8Array(8)).catch(() => {})
    await rings[1].nop()
    parentPort.once('message', () => {
      if (workerData.how === 'throw') throw new Error('as it was told')
      if (workerData.how === 'exit') process.exit(3)
    })
    parentPort.postMessage('ready')`
  const [from, to] = makePipe()
  let before: readonly string[] | undefined
  // The first time opens what is opened once for the process.
  for (const how of ['end', 'terminate', 'throw', 'exit', 'end']) {
    // It would not end with a read in flight; and a thread that carries one out holds the file for itself.
    const workerData = { how, from: backend === 'kernel' && how !== 'end' ? from : undefined }
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData })
    const errors: unknown[] = []
    const gone = new Promise((resolve) => worker.once('exit', resolve))
    worker.on('error', (error) => errors.push(error))
    await new Promise((resolve) => worker.once('message', resolve))
    if (how === 'terminate') await worker.terminate()
    else worker.postMessage(how)
    await gone
    assert.equal(errors.length, how === 'throw' ? 1 : 0)
    // A handle's descriptor is closed at the end of the turn.
    await new Promise(setImmediate)
    const known = before ?? openFiles()
    before = known
    // Those of an earlier test's threads may go meanwhile.
    assert.deepEqual(
      openFiles().filter((file) => !known.includes(file)),
      [],
      how,
    )
  }
  closeSync(from)
  closeSync(to)
})

onEachBackend('a Worker may be terminated with operations in flight', async (_, backend) => {
  const source = `import { Uring } from '${MODULE}'
    import { parentPort, workerData } from 'node:worker_threads'
    const ring = await Uring.open({ backend: '${backend}' })
    await ring.nop({ async: true })
    await ring.read(workerData, new Uint8Array(1), { async: true })
    ring.read(workerData, new Uint8Array(4096), { async: true }).catch(() => {})
    await ring.nop()
    parentPort.postMessage('ready')
    while (ring.backend === 'kernel') await Promise.all([ring.nop(), ring.nop({ async: true })])`
  for (let i = 0; i < (backend === 'kernel' ? 20 : 5); i++) {
    const [from, to] = makePipe()
    writeSync(to, '1')
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData: from })
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    const gone = worker.terminate()
    // The read ends while the Worker's memory is being freed: it must not write to it.
    writeSync(to, 'late')
    await gone
    closeSync(from)
    closeSync(to)
  }
})
