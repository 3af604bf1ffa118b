/**
 * One body for tinypool and for uring/tinypool each: what a program that moves from one to the other relies on. What
 * rightly differs is in docs/coming-from.md, and tested below of ours alone.
 */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { test } from 'node:test'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import * as peer from 'tinypool'
import * as ours from '../../src/compat/tinypool/tinypool.js'

const filename = new URL('./tinypool-tasks.js', import.meta.url).href
type Options = ours.Options

// A program's types are those of either: checked by the compiler. A symbol of one is no symbol of the other to it, though
// they are the same: so a `taskQueue`, whose tasks have one, is left out.
type Public<T> = Omit<T, keyof EventEmitter>
const pool: Public<peer.Tinypool> = {} as Omit<Public<ours.Tinypool>, 'options'> & Pick<peer.Tinypool, 'options'>
const options: Omit<peer.Options, 'taskQueue'> = {} as Omit<ours.Options, 'taskQueue'>
const back: Omit<ours.Options, 'taskQueue'> = {} as Omit<peer.Options, 'taskQueue' | 'resourceLimits'>
const filled: Omit<peer.Tinypool['options'], 'taskQueue'> = {} as ours.Tinypool['options']
const channel: peer.TinypoolChannel = {} as ours.TinypoolChannel
const worker: peer.TinypoolWorker = {} as ours.TinypoolWorker
const messages: [peer.ResponseMessage, peer.RequestMessage, peer.StartupMessage, peer.ReadyMessage] = [] as unknown as [
  ours.ResponseMessage,
  ours.RequestMessage,
  ours.StartupMessage,
  ours.ReadyMessage,
]
const data: [peer.TinypoolData, peer.TinypoolWorkerMessage] = [] as unknown as [
  ours.TinypoolData,
  ours.TinypoolWorkerMessage,
]
void [pool, options, back, filled, channel, worker, messages, data]

const LIBRARIES = { tinypool: peer as unknown as typeof ours, 'uring/tinypool': ours }

/** A pool that is gone when the body has ended, however it does. */
function body(
  title: string,
  given: Options,
  run: (pool: ours.Tinypool, library: typeof ours) => Promise<void>,
  which = Object.keys(LIBRARIES) as (keyof typeof LIBRARIES)[],
): void {
  for (const name of which) {
    test(`${name}: ${title}`, async () => {
      const library = LIBRARIES[name]
      const pool = new library.Tinypool({ filename, minThreads: 1, maxThreads: 1, ...given })
      try {
        await run(pool, library)
      } finally {
        await pool.destroy()
      }
    })
  }
}
const OURS = ['uring/tinypool'] as const

/** A task that is running: it settles by `answer`. */
async function hold(pool: ours.Tinypool, options: Parameters<ours.Tinypool['run']>[1] = {}, name = 'held') {
  const { port1, port2 } = new MessageChannel()
  const ended = pool.run(port2, { ...options, name, transferList: [port2] })
  ended.catch(() => {})
  await once(port1, 'message')
  return { ended, port: port1, answer: (value: unknown) => port1.postMessage(value) }
}

function closeAll(...ports: { port: MessagePort }[]): void {
  for (const { port } of ports) port.close()
}

body('a task is the default export, another export, or of another module', {}, async (pool) => {
  assert.equal(await pool.run({ a: 1, b: 2 }), 3)
  assert.equal(await pool.run({ a: 1, b: 2 }, { name: 'default', filename: new URL(filename) }), 3)
  await assert.rejects(pool.run('E_SO', { name: 'fail' }), (error: Error & { code?: string }) => {
    assert.ok(error instanceof RangeError)
    assert.equal(error.message, 'it fails')
    return true
  })
  await assert.rejects(pool.run(0, { name: 'failLater' }), { name: 'TypeError', message: 'it fails later' })
  await assert.rejects(pool.run(0, { name: 'nothing' }), /^Error: No handler function "nothing" exported from "/)
  await assert.rejects(pool.run(0, { name: 'notAFunction' }), /^Error: No handler function "notAFunction" exported/)
  await assert.rejects(
    pool.run(() => {}),
    { name: 'DataCloneError' },
  )
  assert.equal(await pool.run({ a: 2, b: 2 }), 4)
})

body('without a filename each task names one', { filename: null }, async (pool) => {
  await assert.rejects(pool.run(0), { message: 'filename must be provided to run() or in options object' })
  assert.equal(await pool.run({ a: 1, b: 2 }, { filename }), 3)
})

const surroundings = { workerData: { for: 'all' }, env: { OF_THE_POOL: 'yes' } }
body('a thread finds its number, its data and the variables', surroundings, async (pool) => {
  assert.deepEqual(await pool.run(0, { name: 'surroundings' }), {
    isTinypoolWorker: true,
    isWorkerThread: true,
    workerId: 1,
    inState: { for: 'all' },
    ownId: 1,
    data: { for: 'all' },
    env: 'yes',
  })
  assert.equal(pool.threads.length, 1)
  assert.equal(pool.threads[0]!.threadId, await pool.run(0, { name: 'thread' }))
  assert.equal(pool.threads[0]!.runtime, 'worker_threads')
})

body('an abort rejects at once, a running task loses its thread', {}, async (pool) => {
  const early = AbortSignal.abort()
  await assert.rejects(pool.run({ a: 1, b: 2 }, { signal: early }), { name: 'AbortError' })
  const controller = new AbortController()
  const endless = await hold(pool, { signal: controller.signal }, 'endless')
  const waiting = new EventEmitter()
  const queued = pool.run({ a: 1, b: 2 }, { signal: waiting })
  waiting.emit('abort')
  await assert.rejects(queued, { name: 'AbortError', message: 'The task has been aborted' })
  controller.abort()
  await assert.rejects(endless.ended, { name: 'AbortError', message: 'The task has been aborted' })
  closeAll(endless)
  assert.equal(await pool.run({ a: 1, b: 2 }), 3)
  assert.equal(await pool.run(0, { name: 'surroundings' }).then(({ workerId }) => workerId), 1)
})

body('pending tasks are cancelled, running ones are not', {}, async (pool) => {
  const running = await hold(pool)
  const pending = [pool.run({ a: 1, b: 2 }), pool.run({ a: 1, b: 2 })]
  assert.equal(pool.queueSize, 2)
  pool.cancelPendingTasks()
  assert.equal(pool.queueSize, 0)
  for (const one of pending) {
    await assert.rejects(one, { name: 'CancelError', message: 'The task has been cancelled' })
  }
  running.answer('well')
  assert.equal(await running.ended, 'well')
})

body('a full queue refuses', { maxQueue: 1 }, async (pool) => {
  const running = await hold(pool)
  const second = pool.run({ a: 1, b: 2 })
  await assert.rejects(pool.run({ a: 1, b: 2 }), { message: 'Task queue is at limit' })
  running.answer(0)
  assert.equal(await second, 3)
  assert.equal(pool.options.maxQueue, 1)
})

body('no queue at all refuses as well', { maxQueue: 0 }, async (pool) => {
  const running = await hold(pool)
  await assert.rejects(pool.run(0), { message: 'No task queue available and all Workers are busy' })
  running.answer(0)
  await running.ended
})

/** Last in, first out. */
class Stack {
  readonly tasks: ours.Task[] = []
  get size() {
    return this.tasks.length
  }
  shift() {
    return this.tasks.pop() ?? null
  }
  push(task: ours.Task) {
    this.tasks.push(task)
  }
  remove(task: ours.Task) {
    this.tasks.splice(this.tasks.indexOf(task), 1)
  }
  cancel() {
    for (const task of this.tasks.splice(0)) task.cancel()
  }
}

for (const library of Object.values(LIBRARIES)) {
  const taskQueue = new Stack()
  const one = library === ours ? ['uring/tinypool' as const] : ['tinypool' as const]
  body(
    'a program may bring a queue',
    { taskQueue },
    async (pool, { kQueueOptions }) => {
      const running = await hold(pool)
      const order: unknown[] = []
      const controller = new AbortController()
      const done = [1, 2, 3].map((a) => pool.run({ a, b: 0, [kQueueOptions]: { a } }).then((sum) => order.push(sum)))
      const aborted = pool.run(0, { signal: controller.signal })
      assert.equal(pool.queueSize, 4)
      assert.deepEqual(taskQueue.tasks[0]![kQueueOptions], { a: 1 })
      controller.abort()
      await assert.rejects(aborted, { name: 'AbortError' })
      running.answer(0)
      await Promise.all(done)
      assert.deepEqual(order, [3, 2, 1])
      const again = await hold(pool)
      const cancelled = pool.run(0)
      pool.cancelPendingTasks()
      await assert.rejects(cancelled, { name: 'CancelError' })
      again.answer(0)
      await again.ended
    },
    one,
  )
}

body('an isolated task has a thread of its own', { isolateWorkers: true }, async (pool) => {
  const { name } = { name: 'counted' }
  assert.deepEqual([await pool.run(0, { name }), await pool.run(0, { name }), await pool.run(0, { name })], [1, 1, 1])
  assert.equal(await pool.run(0, { name: 'surroundings' }).then(({ workerId }) => workerId), 1)
})

body('recycleWorkers replaces idle threads', { minThreads: 2, maxThreads: 2 }, async (pool) => {
  const before = await pool.run(0, { name: 'thread' })
  const there = pool.threads.map(({ threadId }) => threadId)
  assert.ok(there.includes(before))
  await pool.recycleWorkers()
  assert.ok(!there.includes(await pool.run(0, { name: 'thread' })))
})

const LIMIT = 64 << 20
body('a thread whose heap grows past the limit is replaced', { maxMemoryLimitBeforeRecycle: LIMIT }, async (pool) => {
  const [first, second] = [await pool.run(8, { name: 'grow' }), await pool.run(2 * LIMIT, { name: 'grow' })]
  assert.equal(first, second)
  assert.notEqual(await pool.run(8, { name: 'grow' }), first)
})

body('teardown runs in a thread that leaves', { teardown: 'teardown' }, async (pool) => {
  const { port1, port2 } = new MessageChannel()
  await pool.run(port2, { name: 'remember', transferList: [port2] })
  const [[told]] = await Promise.all([once(port1, 'message'), pool.destroy()])
  assert.equal(told, 'torn down')
  port1.close()
})

body('destroy ends what runs and what waits', {}, async (pool) => {
  const running = await hold(pool, {}, 'endless')
  const waiting = pool.run({ a: 1, b: 2 })
  const ends = [running.ended, waiting].map((end) => assert.rejects(end, { message: 'Terminating worker thread' }))
  await pool.destroy()
  await Promise.all(ends)
  closeAll(running)
  assert.equal(pool.threads.length, 0)
})

body('a task runs after destroy', {}, async (pool) => {
  await pool.destroy()
  assert.equal(await pool.run({ a: 1, b: 2 }), 3)
  assert.equal(pool.completed, 1)
})

body('an error outside of a task rejects it', {}, async (pool) => {
  await assert.rejects(pool.run(0, { name: 'crash' }), { message: 'outside of the task' })
  assert.equal(await pool.run({ a: 1, b: 2 }), 3)
})

body('a channel is closed with its thread, and carries nothing', {}, async (pool) => {
  const closed: string[] = []
  const channel = (name: string) => ({ onClose: () => closed.push(name) })
  await pool.run({ a: 1, b: 2 }, { channel: channel('first') })
  assert.equal(closed.length, 0)
  await pool.run({ a: 1, b: 2 }, { channel: channel('second') })
  assert.deepEqual(closed, ['first'])
  const refused = pool.run(0, { channel: { postMessage: () => {} } })
  await assert.rejects(refused, /doesn't support channel.postMessage/)
  await pool.destroy()
  assert.deepEqual(closed, ['first', 'second'])
})

body('it says when nothing waits, how many have run and for how long', {}, async (pool) => {
  let drains = 0
  pool.on('drain', () => drains++)
  await Promise.all([1, 2, 3].map((a) => pool.run({ a, b: a })))
  assert.equal(pool.completed, 3)
  assert.ok(drains > 0 && pool.duration > 0)
  assert.ok(pool instanceof EventEmitter)
})

for (const [name, { Tinypool, isMovable, isTransferable, markMovable, isTaskQueue, kTransferable }] of Object.entries(
  LIBRARIES,
)) {
  test(`${name}: statics and marks`, () => {
    assert.equal(Tinypool.isWorkerThread, false)
    assert.equal(Tinypool.workerData, undefined)
    assert.equal(Tinypool.version, peer.Tinypool.version)
    const symbols: symbol[] = [Tinypool.transferableSymbol, Tinypool.valueSymbol, Tinypool.queueOptionsSymbol]
    assert.deepEqual(symbols, [peer.kTransferable, peer.kValue, peer.kQueueOptions])
    const view = new Uint8Array(8)
    const moved = Tinypool.move(view) as ours.Transferable
    assert.equal((moved as unknown as Record<symbol, unknown>)[kTransferable], view.buffer)
    assert.ok(isMovable(moved) && isTransferable(moved) && !isMovable(view))
    const own = { [ours.kTransferable]: view.buffer, [ours.kValue]: view }
    assert.equal(isMovable(own), false)
    markMovable(own)
    assert.equal(isMovable(own), true)
    assert.equal(Tinypool.move(7), 7)
    assert.equal(isTaskQueue(new Stack()), true)
    assert.equal(isTaskQueue({ size: 0 }), false)
    assert.throws(() => new Tinypool({ minThreads: 3, maxThreads: 2 }), RangeError)
  })
}

test('all that tinypool exports is there', () => {
  assert.deepEqual(Object.keys(ours).sort(), Object.keys(peer).sort())
  const members = ({ prototype }: { prototype: object }) => Object.getOwnPropertyNames(prototype).sort()
  assert.deepEqual(members(ours.Tinypool), members(peer.Tinypool))
  const statics = (type: object) => Object.getOwnPropertyNames(type).sort()
  assert.deepEqual(statics(ours.Tinypool), statics(peer.Tinypool))
})

test('processes are refused, and why', async () => {
  const refused = {
    code: 'ERR_INVALID_ARG_VALUE',
    message: /'child_process', but uring\/tinypool runs tasks on threads/,
  }
  assert.throws(() => new ours.Tinypool({ runtime: 'child_process' }), refused)
  const pool = new ours.Tinypool({ filename, minThreads: 0 })
  await assert.rejects(pool.run(0, { runtime: 'child_process' }), refused)
  await assert.rejects(pool.recycleWorkers({ runtime: 'child_process' }), refused)
  await pool.destroy()
})

body(
  'errors keep their code, and a queued task that aborts costs no thread',
  {},
  async (pool) => {
    await assert.rejects(pool.run('E_SO', { name: 'fail' }), { code: 'E_SO' })
    const running = await hold(pool)
    const controller = new AbortController()
    const queued = pool.run(0, { signal: controller.signal })
    controller.abort()
    await assert.rejects(queued, { name: 'AbortError' })
    running.answer(0)
    await running.ended
    assert.equal(pool.threads.length, 1)
  },
  [...OURS],
)

body(
  'a channel goes with a task that fails or is ended',
  {},
  async (pool) => {
    const closed: string[] = []
    const channel = (name: string) => ({ onClose: () => closed.push(name) })
    await assert.rejects(pool.run('E', { name: 'fail', channel: channel('failed') }), { message: 'it fails' })
    assert.equal(closed.length, 0)
    const controller = new AbortController()
    const endless = await hold(pool, { channel: channel('ended'), signal: controller.signal }, 'endless')
    controller.abort()
    await assert.rejects(endless.ended, { name: 'AbortError' })
    assert.ok(closed.includes('ended'))
    closeAll(endless)
  },
  [...OURS],
)

test('the entry of the package runs tasks', async () => {
  const { default: Tinypool } = await import('uring/tinypool')
  const pool = new Tinypool({ filename, minThreads: 0, maxThreads: 1 })
  assert.equal(await pool.run({ a: 1, b: 2 }), 3)
  await pool.destroy()
})
