/**
 * What calls C: the addon and koffi do the same. Main thread; each in a process of its own besides.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { AT_FDCWD } from '../abi/posix.js'
import { EBADF, ENOENT } from '../lib/errno.js'
import { loadAddon } from './addon.js'
import type { CType, Ffi } from './c-function.js'
import { addonProblem, ffi, ffiProblem } from './ffi.js'
import { loadKoffi } from './koffi.js'

const NO_FD = 1 << 20
const LONG7: readonly CType[] = ['long', 'long', 'long', 'long', 'long', 'long', 'long']

test('the addon is what calls', () => {
  assert.equal(ffiProblem(), undefined)
  assert.equal(ffi().provider, `uring_ffi linux-${process.arch}`)
  assert.equal(addonProblem(), undefined)
})

for (const [name, load] of [
  ['the addon', loadAddon],
  ['koffi', loadKoffi],
] as const) {
  let one: Ffi
  const get = () => {
    one ??= load()
    return one
  }

  test(`${name}: a call answers what C does, or -errno`, () => {
    const call = get().func('close', 'int', ['int'])!
    const open = get().func('openat', 'int', ['int', 'long', 'int', 'uint'])!
    const path = Buffer.from('/no/such/file\0')
    assert.equal(call(NO_FD), -EBADF)
    assert.equal(open(AT_FDCWD, get().address(path), 0, 0), -ENOENT)
    assert.equal(get().func('getpid', 'int', [])!(), process.pid)
  })

  test(`${name}: words of 64 bits, negative ones and those above 2^31`, () => {
    const move = get().func('memmove', 'long', ['long', 'long', 'size'])!
    // memmove of no bytes answers its first argument.
    for (const word of [0, 1, -2, 2 ** 31, -(2 ** 31), 2 ** 32 + 1, 2 ** 47 - 4096, Number.MAX_SAFE_INTEGER]) {
      assert.equal(move(word, 0, 0), word)
    }
    const ints = get().func('abs', 'int', ['int'])!
    assert.deepEqual([ints(-5), ints(5), ints(-(2 ** 31) + 1)], [5, 5, 2 ** 31 - 1])
  })

  test(`${name}: the seventh argument arrives`, () => {
    const page = 4096
    const NR_MMAP = process.arch === 'x64' ? 9 : 222
    const NR_MUNMAP = process.arch === 'x64' ? 11 : 215
    const syscall = get().func('syscall', 'long', LONG7)!
    const address = syscall(NR_MMAP, 0, page, 3, 0x22, -1, 0)
    assert.ok(address > 2 ** 32, String(address))
    // Its offset, which is no multiple of a page.
    assert.equal(syscall(NR_MMAP, 0, page, 3, 0x22, -1, 1), -22)
    const view = new Uint8Array(get().view(address, page))
    view[0] = 7
    assert.deepEqual([view.byteLength, view[0], view[1]], [page, 7, 0])
    assert.equal(get().address(view), address)
    assert.equal(syscall(NR_MUNMAP, address, page, 0, 0, 0, 0), 0)
  })

  test(`${name}: addresses of all memory that a ring takes`, () => {
    const shared = new Uint8Array(new SharedArrayBuffer(64), 8)
    const copy = get().func('memcpy', 'long', ['long', 'long', 'size'])!
    const from = Buffer.from('bytes')
    copy(get().address(shared), get().address(from), from.byteLength)
    assert.equal(Buffer.from(shared).toString('latin1', 0, 5), 'bytes')
    assert.equal(get().address(shared) - get().address(new Uint8Array(shared.buffer)), 8)
  })

  test(`${name}: a symbol that libc lacks is absent, not fatal`, () => {
    assert.equal(get().func('no_such_function_anywhere', 'int', []), undefined)
    assert.equal(get().func('n'.repeat(200), 'int', []), undefined)
    assert.equal(get().symbolAddress('no_such_symbol_anywhere'), 0)
    assert.ok(get().symbolAddress('getpid') > 0)
  })

  test(`${name}: what is no number is refused, not passed on`, () => {
    const call = get().func('close', 'int', ['int'])! as unknown as (what: unknown) => number
    for (const what of ['5', {}, null, undefined]) assert.throws(() => call(what), TypeError)
  })
}

test('errno is the thread’s own', async () => {
  // Two threads whose calls fail in different ways, all the time: none sees the other's reason.
  const source = `
    const { workerData, parentPort } = require('node:worker_threads')
    import(${JSON.stringify(new URL('./ffi.js', import.meta.url).href)}).then(({ ffi }) => {
      const call = ffi().func(...workerData.func)
      const seen = new Set()
      for (let i = 0; i < 100_000; i++) seen.add(call(...workerData.args))
      parentPort.postMessage([...seen])
    })`
  const run = (workerData: unknown) =>
    new Promise((resolve, reject) => {
      const worker = new Worker(source, { eval: true, workerData, execArgv: [] })
      worker.once('message', resolve).once('error', reject)
    })
  const seen = await Promise.all([
    run({ func: ['close', 'int', ['int']], args: [NO_FD] }),
    run({ func: ['read', 'long', ['int', 'long', 'size']], args: [0, 0, -1] }),
    run({ func: ['madvise', 'int', ['long', 'size', 'int']], args: [4096, 4096, 0] }),
  ])
  assert.deepEqual(seen, [[-EBADF], [-14], [-12]])
})

test('URING_FFI=koffi takes koffi, and doctor’s words say why', () => {
  const source = `
    const { ffi, addonProblem } = await import(${JSON.stringify(new URL('./ffi.js', import.meta.url).href)})
    console.log(ffi().provider + ', ' + addonProblem())`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
    env: { ...process.env, URING_FFI: 'koffi' },
  })
  assert.match(stdout, /^koffi \d.*, URING_FFI=koffi$/m)
})
