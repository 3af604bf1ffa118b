/** What a Worker opened through its ring is closed when it ends, and nothing of anybody else's; nor does its ring stay. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { nowMs } from '../../src/lib/clock.js'
import { BACKENDS } from '../cli/backends.js'
import type { Doing } from './worker-files.worker.js'

const HANG_MS = 20_000
const folder = mkdtempSync(join(tmpdir(), 'uring-'))
const path = join(folder, 'file')
writeFileSync(path, 'data')
after(() => rmSync(folder, { recursive: true }))

function linksTo(target: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === target
    } catch {
      return false
    }
  }).length
}

function pollers(): string[] {
  return readdirSync('/proc/self/task').filter((tid) => {
    try {
      return readFileSync(`/proc/self/task/${tid}/comm`, 'utf8').startsWith('iou-sqp')
    } catch {
      return false
    }
  })
}

async function end(doing: Doing): Promise<void> {
  const worker = new Worker(new URL('./worker-files.worker.js', import.meta.url), { workerData: doing })
  worker.on('error', () => {})
  const [[freed, data]] = (await once(worker, 'message')) as [[number[], string]]
  assert.equal(data, 'data')
  assert.equal(linksTo(path), 5)
  // The numbers that the Worker closed are others' now.
  const others: number[] = []
  while (!freed.every((fd) => others.includes(fd)) && others.length < 500) others.push(openSync('/dev/null', 'r'))
  const exit = new Promise((done) => worker.once('exit', done))
  if (doing.ending === 'terminate') worker.terminate()
  else worker.postMessage('end')
  await exit
  assert.equal(linksTo(path), 0, 'files of the Worker')
  for (const fd of others) fstatSync(fd)
  for (const fd of others) closeSync(fd)
}

for (const { name: backend, skip } of BACKENDS) {
  for (const ending of ['terminate', 'exit', 'throw', 'nothing'] as const) {
    test(`a Worker's files are closed when it ends by ${ending} [${backend}]`, { skip }, () =>
      end({ backend, path, ending, sqpoll: false }),
    )
  }
}

test('the thread that polls for a Worker ends with it', { skip: BACKENDS[0]!.skip }, async () => {
  await end({ backend: 'kernel', path, ending: 'terminate', sqpoll: true })
  for (const limit = nowMs() + HANG_MS; pollers().length > 0; ) {
    assert.ok(nowMs() < limit, 'the poller is gone')
    await new Promise(setImmediate)
  }
})
