/**
 * What `uring/fs` opens, and how it ends: handles are Node's, nothing is left, and no program waits for it. Main thread; some
 * tests are processes of their own.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  createReadStream,
  createWriteStream,
  mkdtempSync,
  promises,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import * as node from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { probe } from '../../src/backends/kernel/probe.js'
import type * as Shipped from '../../src/fs/fs.js'
import { nrOpenFds } from '../../src/sys/loop.test.fds.js'

const LIB = new URL('../../lib/fs.js', import.meta.url).href
const ours = (await import(LIB)) as typeof Shipped

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'uring-fs-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

function fifoOf(t: TestContext): string {
  const fifo = join(folderOf(t), 'fifo')
  assert.equal(spawnSync('mkfifo', [fifo]).status, 0)
  return fifo
}

/** Runs a module in a process of its own; its output. */
function inProcess(code: string, env: Record<string, string> = {}): string {
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, ...env },
  })
  assert.equal(child.status, 0, child.stderr)
  return child.stdout
}

test('a handle is one of Node’s, and its streams and lines work', async (t) => {
  const folder = folderOf(t)
  const path = join(folder, 'file')
  const out = await ours.open(path, 'w')
  const nodes = await node.open('/dev/null')
  assert.ok(out instanceof nodes.constructor)
  assert.equal(out.constructor.name, 'FileHandle')
  await nodes.close()
  await pipeline(['one\n', 'two\n'], createWriteStream('', { fd: out as unknown as number }))
  const handle = await ours.open(path)
  const lines: string[] = []
  for await (const line of handle.readLines({ autoClose: false })) lines.push(line)
  assert.deepEqual(lines, ['one', 'two'])
  const chunks = await createReadStream('', { fd: handle as unknown as number, start: 4 }).toArray()
  assert.equal(String(chunks), 'two\n')
  assert.equal(handle.fd, -1)
})

test('close waits for operations in flight, and the event comes', async (t) => {
  const fifo = fifoOf(t)
  const handle = await ours.open(fifo, 'r+')
  const order: string[] = []
  // The types leave out that it is an EventEmitter.
  ;(handle as unknown as NodeJS.EventEmitter).on('close', () => order.push('event'))
  const read = handle.read(Buffer.alloc(4)).then(({ bytesRead }) => order.push(`read ${bytesRead}`))
  const closed = handle.close().then(() => order.push('closed'))
  assert.deepEqual(order, ['event'])
  const writer = await node.open(fifo, 'r+')
  await writer.write('abcd')
  await Promise.all([read, closed])
  await writer.close()
  assert.deepEqual(order, ['event', 'read 4', 'closed'])
})

test('a read of a whole file that waits is cancelled by its signal, and leaves nothing open', async (t) => {
  const fifo = fifoOf(t)
  await ours.readFile('/dev/null')
  const writer = await node.open(fifo, 'r+')
  const before = nrOpenFds()
  const controller = new AbortController()
  const ended = ours.readFile(fifo, { signal: controller.signal }).catch((error: unknown) => error as Error)
  await writer.write('begins')
  // Its first read has been answered once the pipe is empty; the second one waits.
  const reason = new Error('enough')
  controller.abort(reason)
  const like = await node.readFile(fifo, { signal: controller.signal }).catch((error: unknown) => error as Error)
  const error = await ended
  assert.deepEqual(error, like)
  assert.equal((error as Error).cause, reason)
  assert.equal(nrOpenFds(), before)
  await writer.close()
})

test('many files at once are whole, and closed', async (t) => {
  const folder = folderOf(t)
  await ours.readFile('/dev/null')
  const before = nrOpenFds()
  const files = Array.from({ length: 300 }, (_, i) => [join(folder, `${i}`), Buffer.alloc(i * 37, `${i} `)] as const)
  await Promise.all(files.map(([path, bytes]) => ours.writeFile(path, bytes, { flush: bytes.length % 7 === 0 })))
  for (const [path, bytes] of files) assert.ok(readFileSync(path).equals(bytes))
  const read = await Promise.all(files.map(([path]) => ours.readFile(path)))
  for (const [i, bytes] of read.entries()) assert.ok(bytes.equals(files[i]![1]))
  await Promise.all(files.map(([path]) => ours.appendFile(path, 'end')))
  for (const [path, bytes] of files) assert.equal(readFileSync(path).length, bytes.length + 3)
  assert.equal(nrOpenFds(), before)
})

test('a file beyond 16 MiB comes in pieces, and is whole', async (t) => {
  const path = join(folderOf(t), 'file')
  const bytes = Buffer.alloc(40 * 1024 * 1024 + 5, '0123456789abcdef!')
  await ours.writeFile(path, bytes)
  assert.ok((await ours.readFile(path)).equals(bytes))
})

test('a buffer given to a call stays its owner’s: it can be transferred afterwards', async (t) => {
  const path = join(folderOf(t), 'file')
  const bytes = new Uint8Array(100).fill(1)
  await ours.writeFile(path, bytes)
  const handle = await ours.open(path, 'r+')
  await handle.write(bytes)
  await handle.read(bytes, 0, 100, 0)
  await handle.close()
  const whole = await ours.readFile(path)
  assert.equal(structuredClone(bytes, { transfer: [bytes.buffer] }).length, 100)
  assert.equal(structuredClone(whole, { transfer: [whole.buffer as ArrayBuffer] }).length, 100)
})

for (const backend of ['kernel', 'threads']) {
  const skip = backend === 'kernel' ? (probe()?.reason ?? false) : false
  test(`a program ends by itself, also in a Worker (${backend})`, { skip }, () => {
    const code = `
      import { Worker, isMainThread } from 'node:worker_threads'
      import { readFile, open } from '${LIB}'
      const handle = await open('/proc/version')
      console.log((await handle.readFile('utf8')).length > 0, (await readFile('/proc/version')).length > 0)
      await handle.close()
      const worker = "import { readFile } from '${LIB}'; console.log((await readFile('/proc/version')).length > 0)"
      new Worker(new URL('data:text/javascript,' + encodeURIComponent(worker)))`
    assert.equal(inProcess(code, { URING_BACKEND: backend }), 'true true\ntrue\n')
  })
}

test('an error names its caller', async () => {
  async function callerOfOurs(): Promise<void> {
    await ours.stat('/nowhere/at/all')
  }
  await assert.rejects(callerOfOurs, (error: Error) => /callerOfOurs/.test(error.stack ?? ''))
})

test('names, lengths and the default export are those of node:fs/promises', () => {
  for (const [name, wanted] of Object.entries(node)) {
    if (name === 'default') continue
    const got = (ours as Record<string, unknown>)[name]
    assert.equal(typeof got, typeof wanted, name)
    if (typeof wanted !== 'function') continue
    assert.equal((got as () => void).length, wanted.length, name)
    assert.equal((got as () => void).name, wanted.name, name)
  }
  assert.deepEqual(Object.keys(ours.default), Object.keys(promises))
})

test('the page tells of each function and method how it goes', async () => {
  const page = readFileSync(join(fileURLToPath(new URL('../../..', import.meta.url)), 'docs/fs.md'), 'utf8')
  const rows = new Map(
    [...page.matchAll(/^\| `([^`]+)` \| ([^|]+) \|$/gm)].map(([, name, way]) => [name!, way!.trim()]),
  )
  const handle = await ours.open('/dev/null')
  const methods = Object.getPrototypeOf(handle) as object
  const names = [
    ...Object.entries(node)
      .filter(([name, value]) => typeof value === 'function' && name !== 'default')
      .map(([name]) => name),
    ...Object.getOwnPropertyNames(Object.getPrototypeOf(methods))
      .filter((name) => name !== 'constructor')
      .map((name) => `handle.${name}`),
    'handle.close',
  ]
  await handle.close()
  for (const name of names) {
    const way = rows.get(name)
    assert.ok(way !== undefined, `docs/fs.md has no row for ${name}`)
    const method = /^handle\.(.*)/.exec(name)?.[1]
    const isOurs =
      method === undefined
        ? (ours as Record<string, unknown>)[name] !== (node as Record<string, unknown>)[name]
        : method === 'close' || Object.hasOwn(methods, method)
    assert.equal(way !== 'Node’s', isOurs, `${name}: ${way}`)
  }
})

test('without permission to use a ring, or under the permission model, calls are Node’s', (t) => {
  const path = join(folderOf(t), 'file')
  writeFileSync(path, 'text')
  const code = `
    import { readFile, open } from '${LIB}'
    const handle = await open('${path}')
    console.log(await handle.readFile('utf8'), await readFile('${path}', 'utf8'))
    await handle.close()`
  const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'
  const args = [flag, '--allow-fs-read=*', '--allow-addons', '--allow-worker', '--input-type=module', '-e', code]
  const child = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
  assert.equal(child.stdout, 'text text\n', child.stderr)
})
