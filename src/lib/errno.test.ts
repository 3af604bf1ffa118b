/**
 * Errors equal those that node:fs makes for the same failure.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  EBADF,
  EBADR,
  EEXIST,
  EISDIR,
  ENOENT,
  ENOTDIR,
  type ErrnoException,
  ETIME,
  errnoError,
  errnoName,
  errnoText,
} from './errno.js'

const NOWHERE = join(tmpdir(), 'uring-no-such-file')

/** What a caller can see of an error, but for the stack. */
function visible(error: Error) {
  return { ...error, name: error.name, message: error.message }
}

function failure(fn: () => unknown): Error {
  try {
    fn()
  } catch (error) {
    return error as Error
  }
  return assert.fail('did not fail')
}

// biome-ignore format: table
const SAME: [what: string, theirs: () => unknown, ours: ErrnoException][] = [
  ['with a path',           () => fs.openSync(NOWHERE, 'r'),             errnoError(-ENOENT, 'open', NOWHERE)],
  ['with an empty path',    () => fs.openSync('', 'r'),                  errnoError(-ENOENT, 'open', '')],
  ['with path and dest',    () => fs.renameSync(NOWHERE, 'x'),           errnoError(-ENOENT, 'rename', NOWHERE, 'x')],
  ['without a path',        () => fs.closeSync(2 ** 30),                 errnoError(-EBADF, 'close')],
  ['of another errno',      () => fs.mkdirSync('/'),                     errnoError(-EEXIST, 'mkdir', '/')],
  ['in a path’s middle',    () => fs.statSync('/proc/self/maps/x'),      errnoError(-ENOTDIR, 'stat', '/proc/self/maps/x')],
]

for (const [what, theirs, ours] of SAME) {
  test(`an error ${what} equals that of node:fs`, () => assert.deepEqual(visible(ours), visible(failure(theirs))))
}

test('an error equals that of node:fs/promises', async () => {
  // By a handle: readFile('/') names the path from Node 26 on.
  const handle = await fs.promises.open('/')
  const theirs = await handle.read(Buffer.alloc(1)).then(
    () => assert.fail('did not fail'),
    (error: Error) => error,
  )
  await handle.close()
  assert.deepEqual(visible(errnoError(-EISDIR, 'read')), visible(theirs))
})

test('a positive errno is taken as the same', () => {
  assert.deepEqual(visible(errnoError(ENOENT, 'open')), visible(errnoError(-ENOENT, 'open')))
})

test('errnos that libuv does not know have the kernel’s names', () => {
  assert.equal(errnoName(EBADR), 'EBADR')
  assert.equal(errnoName(-ETIME), 'ETIME')
  assert.equal(errnoText(ETIME), 'timer expired')
})

test('an unknown errno still makes a readable error', () => {
  assert.equal(errnoError(-4000, 'open').message, 'E4000: unknown error 4000, open')
})
