/**
 * The examples of docs/ring.md run as they stand there, and the tables name what there is. Main thread; each example is
 * a process.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as bare from '../src/driver/bare.js'
import { queueInit } from '../src/ring/ring.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(join(ROOT, 'docs/ring.md'), 'utf8')
const [withLimit, multishot, echo] = [...page.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code!)

/** Inside of the package, so that an example can import it by name. */
function exampleFile(t: TestContext, code: string): string {
  const folder = mkdtempSync(join(ROOT, 'dist/ring-docs-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'example.mjs')
  writeFileSync(file, code)
  return file
}

/** Why the examples cannot run here; false where they can. */
async function whyNot(): Promise<string | false> {
  try {
    const ring = queueInit(await bare.loadSyscalls('kernel'), 2)
    const probe = bare.registerProbe(ring)
    ring.queueExit()
    const isThere = typeof probe === 'object' && probe.opcodes.has(bare.IORING_OP_READ_MULTISHOT)
    return isThere ? false : 'this kernel has no READ_MULTISHOT'
  } catch (error) {
    return (error as Error).message
  }
}

test('the examples of docs/ring.md run', { skip: await whyNot() }, (t) => {
  const run = (code: string, input: string) => {
    const file = exampleFile(t, code)
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 30_000, input })
    assert.equal(status, 0, stderr)
    return stdout
  }
  assert.deepEqual(run(withLimit!, 'hello').trim().split('\n').sort(), ['1 5', '2 -125'])
  const text = 'line after line\n'.repeat(1000)
  assert.equal(run(multishot!, text), text)
})

test('the echo server of docs/ring.md echoes', { skip: await whyNot() }, async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  const child = spawn(process.execPath, [exampleFile(t, echo!), `${port}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const others = [1, 2, 3].map(() => connect(port, '127.0.0.1'))
  for (const [i, socket] of others.entries()) {
    socket.write(`hello ${i}`)
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    assert.equal(chunk.toString(), `hello ${i}`)
  }
  const exit = once(child, 'exit')
  others[0]!.end()
  assert.deepEqual(await exit, [0, null])
  for (const socket of others) socket.destroy()
})

test('docs/ring.md names every prep function and register call, and no other', () => {
  const exported = Object.keys(bare).filter((name) => /^(prep|register|unregister|set|clone)[A-Z]/.test(name))
  const named = new Set(page.match(/\b(prep|register|unregister|set|clone)[A-Z]\w*/g))
  const direct = exported.filter((name) => name.endsWith('Direct'))
  const missing = exported.filter((name) => !named.has(name) && !direct.includes(name) && name !== 'prepRw')
  assert.deepEqual(missing, [])
  const methods = ['registerRingFd', 'unregisterRingFd', 'setEventfdEnabled']
  assert.deepEqual(
    [...named].filter((name) => !exported.includes(name) && !methods.includes(name)),
    [],
  )
})
