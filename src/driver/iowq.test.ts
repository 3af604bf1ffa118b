import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { possibleOf } from '../sys/affinity.js'
import { code, onEachBackend, scratchDirectory } from './driver.test.backends.js'

const possible = possibleOf(Array.from({ length: 8192 }, (_, cpu) => cpu))

const run = promisify(execFile)
const directory = scratchDirectory()
const MODULE = new URL('./uring.js', import.meta.url).href

/** What `body` prints, as JSON, run in a process of its own: limits and affinity are a thread's. */
async function inProcess(backend: string, body: string): Promise<unknown> {
  const source = `import { Uring } from '${MODULE}'
    import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
    import { Worker } from 'node:worker_threads'
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    const tasks = () => readdirSync('/proc/self/task')
    const read = (path) => { try { return readFileSync(path, 'latin1') } catch { return '' } }
    const kernels = () => tasks().filter((tid) => read('/proc/self/task/' + tid + '/comm').startsWith('iou-wrk'))
    const fifo = ${JSON.stringify(join(directory, `fifo-${backend}`))}
    const ring = await Uring.open({ backend: '${backend}' })
    ${body}`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', source])
  return JSON.parse(stdout)
}

function makeFifo(backend: string): void {
  const { status } = spawnSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(directory, `fifo-${backend}`)])
  assert.equal(status, 0)
}

onEachBackend('maxWorkers limits the workers, and returns the limits before', async (_, backend) => {
  makeFifo(backend)
  const told = await inProcess(
    backend,
    `await ring.nop({ async: true })
    const before = tasks().length
    const first = ring.maxWorkers(2, 3)
    const seen = [ring.maxWorkers(0, 4), ring.maxWorkers(0, 0)]
    // Each waits in a worker for somebody who writes; the fifth gets none, for opening is bounded work.
    const opens = Array.from({ length: 5 }, () => ring.openat(fifo, 'r', 0, { async: true }))
    while (tasks().length < before + 1) await turn()
    const to = openSync(fifo, 'r+')
    for (const fd of await Promise.all(opens)) closeSync(fd)
    closeSync(to)
    // Nobody has left yet: they idle for five seconds.
    console.log(JSON.stringify([first.every((limit) => limit > 0), seen, tasks().length - before <= 1]))
    await ring.close()`,
  )
  assert.deepEqual(told, [
    true,
    [
      [2, 3],
      [2, 4],
    ],
    true,
  ])
})

const hasTwoCpus = availableParallelism() > 1

onEachBackend('affinity keeps new workers on the processors named', async (_, backend) => {
  if (!hasTwoCpus) return
  const [cpu] = possible
  const told = await inProcess(
    backend,
    `const cpusOf = (tid) => /^Cpus_allowed_list:\\s*(\\S+)$/m.exec(read('/proc/self/task/' + tid + '/status'))?.[1]
    const own = cpusOf(process.pid)
    const before = new Set(tasks())
    const fresh = () => tasks().filter((tid) => !before.has(tid))
    ring.affinity([${cpu}])
    const open = ring.openat(fifo, 'r', 0, { async: true })
    await ring.nop({ async: true })
    const kept = [...new Set(fresh().map(cpusOf))]
    ring.affinity(null)
    for (const tid of fresh()) before.add(tid)
    const others = Array.from({ length: 4 }, () => ring.openat(fifo, 'r', 0, { async: true }))
    while (fresh().length === 0) await turn()
    const to = openSync(fifo, 'r+')
    for (const fd of await Promise.all([open, ...others])) closeSync(fd)
    closeSync(to)
    const freed = [...new Set(fresh().map(cpusOf))]
    await ring.close()
    console.log(JSON.stringify([kept, freed.length === 1 && freed[0] === own]))`,
  )
  assert.deepEqual(told, [[`${cpu}`], true])
})

onEachBackend('bad limits and bad processors are refused with a code', async (open) => {
  const ring = await open()
  const { maxWorkers, affinity } = ring as unknown as Record<'maxWorkers' | 'affinity', (...args: unknown[]) => unknown>
  const limits = (...args: unknown[]) => maxWorkers?.apply(ring, args)
  const cpus = (...args: unknown[]) => affinity?.apply(ring, args)
  const before = ring.maxWorkers(0, 0)
  assert.throws(() => limits('1', 0), code('ERR_INVALID_ARG_TYPE'))
  assert.throws(() => limits(1), code('ERR_INVALID_ARG_TYPE'))
  assert.throws(() => limits(1, -1), code('ERR_OUT_OF_RANGE'))
  assert.throws(() => limits(1.5, 1), code('ERR_OUT_OF_RANGE'))
  assert.throws(() => limits(2 ** 31, 1), code('ERR_OUT_OF_RANGE'))
  assert.deepEqual(ring.maxWorkers(0, 0), before, 'nothing was set')
  assert.throws(() => cpus(0), code('ERR_INVALID_ARG_TYPE'))
  assert.throws(() => cpus([]), code('ERR_INVALID_ARG_VALUE'))
  assert.throws(() => cpus(['0']), code('ERR_INVALID_ARG_TYPE'))
  assert.throws(() => cpus([0, -1]), code('ERR_OUT_OF_RANGE'))
  assert.throws(() => cpus([8192]), code('ERR_OUT_OF_RANGE'))
  assert.throws(() => cpus([Math.max(...possible) + 1]), code('EINVAL'))
  assert.equal(ring.affinity(null), undefined)
  await ring.close()
  assert.throws(() => ring.maxWorkers(0, 0), code('ERR_INVALID_STATE'))
  assert.throws(() => ring.affinity([0]), code('ERR_INVALID_STATE'))
})

// From Node 22 on, where libuv has rings of its own, the kernel lets idle workers stay for five seconds.
onEachBackend(
  'no worker is left once the last ring is closed, or the Worker that had one is gone',
  async (_, backend) => {
    const told = await inProcess(
      backend,
      `const before = tasks().length
    const other = await Uring.open({ backend: '${backend}' })
    await Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2 ? ring : other).nop({ async: true })))
    const during = tasks().length
    await ring.close()
    await other.nop({ async: true })
    await other.close()
    while (kernels().length > 0 || tasks().length > before) await turn()
    // The next ring has workers as the first one had.
    const next = await Uring.open({ backend: '${backend}' })
    await next.nop({ async: true })
    const again = tasks().length
    await next.close()
    const source = "import { Uring } from '${MODULE}';" +
      "const ring = await Uring.open({ backend: '${backend}' }); await ring.nop({ async: true })"
    const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(source)))
    await new Promise((resolve) => worker.once('exit', resolve))
    while (kernels().length > 0 || tasks().length > before) await turn()
    console.log(JSON.stringify([during > before, again > before]))`,
    )
    assert.deepEqual(told, [true, true])
  },
)
