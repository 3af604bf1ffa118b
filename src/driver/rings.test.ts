import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readlinkSync } from 'node:fs'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { IORING_REGISTER_IOWQ_MAX_WORKERS, IORING_SETUP_SINGLE_ISSUER } from '../abi/constants.js'
import { probe } from '../backends/kernel/probe.js'
import { EBADF, EEXIST, EOPNOTSUPP } from '../lib/errno.js'
import { prepNop } from '../ring/prep.js'
import { queueInit } from '../ring/ring.js'
import { nrOpenFds } from '../sys/loop.test.fds.js'
import { onEachBackend } from './driver.test.backends.js'
import { loadSyscalls } from './open.js'

const MODULE = new URL('./uring.js', import.meta.url).href
const BARE = new URL('./bare.js', import.meta.url).href

/** A Worker that runs `source`, and its messages one after another. */
function start(source: string, workerData?: unknown): Worker {
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData })
}

function told(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
}

/** Whether this process has a ring, or an eventfd, open. Others of its descriptors come and go. */
function hasRings(): boolean {
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('anon_inode')
    } catch {
      return false
    }
  })
}

onEachBackend('two hundred rings are open at once, and each does its work', async (open) => {
  await (await open()).close()
  const before = nrOpenFds()
  const rings = await Promise.all(Array.from({ length: 200 }, () => open({ entries: 4 })))
  const work = rings.map((ring, i) => ring.nop({ async: i % 20 === 0 }))
  assert.deepEqual(new Set(await Promise.all(work)), new Set([0]))
  await Promise.all(rings.map((ring) => ring.close()))
  // The threads' workers have a few each, and leave in their own time; a ring has two, which the event loop lets go of.
  let left = Number.POSITIVE_INFINITY
  for (let turn = 0; left >= 100 && turn < 1000; turn++) {
    await new Promise(setImmediate)
    left = nrOpenFds() - before
  }
  assert.ok(left < 100, `${left} descriptors more than before`)
})

onEachBackend('without descriptors a ring is refused with a code, and nothing is left of it', async (_, backend) => {
  const source = `import { Uring } from '${MODULE}'
    import { readdirSync } from 'node:fs'
    const open = () => Uring.open({ backend: '${backend}', entries: 4 })
    await (await open()).close()
    await new Promise(setImmediate)
    const count = () => readdirSync('/proc/self/fd').length
    const before = count()
    const rings = []
    let refusal
    while (refusal === undefined) {
      const opened = await open().catch((error) => { refusal = error })
      if (opened !== undefined) rings.push(opened)
    }
    const during = rings.length
    await Promise.all(rings.map((ring) => ring.nop()))
    await Promise.all(rings.splice(0).map((ring) => ring.close()))
    await new Promise(setImmediate)
    const after = count()
    const again = await open()
    await again.nop()
    await again.close()
    console.log(JSON.stringify([refusal.code, during > 10, after - before]))`
  const limited = ['-c', 'ulimit -n 100; exec "$0" "$@"', process.execPath, '--input-type=module', '-e', source]
  const { stdout, stderr, status } = spawnSync('sh', limited, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), ['EMFILE', true, 0])
})

onEachBackend(
  'a child process inherits neither rings nor eventfds, whichever thread has them',
  async (open, backend) => {
    const ring = await open()
    await ring.nop({ async: true })
    const worker = start(
      `import { Uring } from '${MODULE}'
    import { parentPort } from 'node:worker_threads'
    const ring = await Uring.open({ backend: '${backend}' })
    await ring.nop({ async: true })
    parentPort.once('message', () => ring.close())
    parentPort.postMessage(0)`,
    )
    await told(worker)
    const listing = execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' })
    assert.doesNotMatch(listing, /anon_inode/)
    assert.ok(hasRings(), 'this process has them')
    const gone = new Promise((resolve) => worker.once('exit', resolve))
    worker.postMessage('close')
    await gone
  },
)

test('the rings of two Workers send each other messages', { skip: probe()?.reason ?? false }, async () => {
  // Each tells its fd, is told the other's, sends its own number and returns what it got.
  const source = `import { loadSyscalls, prepMsgRing, queueInit, setUserData } from '${BARE}'
    import { parentPort, workerData } from 'node:worker_threads'
    const ring = queueInit(await loadSyscalls('kernel'), 8)
    parentPort.once('message', (fd) => {
      const sqe = ring.sq.getSqe()
      prepMsgRing(ring.sq.words, sqe, fd, workerData, 7, 0)
      setUserData(ring.sq.words, sqe, 1)
      ring.submit()
      let sum = 0
      for (let nr = 0; nr < 2; nr++) {
        ring.waitCqe()
        const { userData, res } = ring.cq.peekCqe()
        sum += Number(userData) === 7 ? res : Number(userData) === 1 && res === 0 ? 0 : NaN
        ring.cq.cqeSeen()
      }
      ring.queueExit()
      parentPort.postMessage(sum)
    })
    parentPort.postMessage(ring.fd)`
  const workers = [100, 200].map((number) => start(source, number))
  const fds = await Promise.all(workers.map(told))
  const sums = workers.map(told)
  workers.forEach((worker, i) => {
    worker.postMessage(fds[1 - i])
  })
  assert.deepEqual(await Promise.all(sums), [200, 100])
})

onEachBackend('a ring is out of reach for other threads, whatever they ask of it', async (_, backend) => {
  const ring = queueInit(await loadSyscalls(backend), 8, { flags: IORING_SETUP_SINGLE_ISSUER })
  const source = `import { loadSyscalls } from '${BARE}'
    import { parentPort, workerData } from 'node:worker_threads'
    const syscalls = await loadSyscalls('${backend}')
    const answers = [
      syscalls.enter(workerData, 1, 0, 0),
      syscalls.register(workerData, ${IORING_REGISTER_IOWQ_MAX_WORKERS}, new Uint32Array(2), 2),
      syscalls.close(workerData),
    ]
    try { syscalls.memory(workerData) } catch (error) { answers.push(error.message) }
    parentPort.postMessage(answers)`
  const refusal = backend === 'kernel' ? -EEXIST : -EOPNOTSUPP
  const answers = await told(start(source, ring.fd))
  prepNop(ring.sq.words, ring.sq.getSqe())
  assert.equal(ring.submitAndWait(1), 1, 'its own thread uses it as before')
  assert.match(`${answers}`, new RegExp(`^${refusal},${refusal},${-EBADF},.*fd ${ring.fd} is a ring of this thread`))
  ring.queueExit()
})
