/**
 * Limits of the process: how long its files may be, how much memory it may lock, how many descriptors it has. Bodies for every backend that has what
 * is limited.
 *
 * A limit holds for a process and for good, so each body is what limits.child.ts did in one of its own.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as abi from '../../src/abi/constants.js'
import { HANG_MS } from './cqes.js'
import { conformance } from './harness.js'
import type { Doing } from './limits.child.js'
import type { Stand } from './stand.js'

/** What the calls of the child returned under its limit, a line each. */
function underLimit({ backend }: Stand, doing: Doing): string[] {
  const child = fileURLToPath(new URL('./limits.child.js', import.meta.url))
  const args = [child, backend, doing]
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: HANG_MS })
  assert.deepEqual([status, signal], [0, null], stderr)
  return stdout.trim().split('\n')
}

/** What a file of at most 64 KiB lets happen, done plainly and by a worker. */
const WRITTEN = [
  'write at 64 KiB: -EFBIG',
  'write of 8 bytes, 6 before 64 KiB: 6',
  'writev of 8 bytes, 6 before 64 KiB: 6',
  'write of the last byte: 1',
  'write at 64 KiB in a chain: -EFBIG',
  'fsync behind it: -ECANCELED',
  'bytes of the file: 65536',
]

conformance('a file is not written beyond the limit of the process, and no signal ends it', (stand) =>
  assert.deepEqual(underLimit(stand, 'write'), [...WRITTEN, ...WRITTEN]),
)

const GROWN = [
  'fallocate of 128 KiB: -EFBIG',
  'fallocate of 64 KiB: 0',
  'ftruncate to 128 KiB: -EFBIG',
  'bytes of the file: 65536',
]

conformance(
  'a file does not grow beyond the limit of the process, and no signal ends it',
  (stand) => assert.deepEqual(underLimit(stand, 'grow'), [...GROWN, ...GROWN]),
  { opcodes: [abi.IORING_OP_FALLOCATE, abi.IORING_OP_FTRUNCATE] },
)

conformance(
  'buffers are not registered beyond the memory that the process may lock',
  (stand) =>
    assert.deepEqual(underLimit(stand, 'lock'), [
      'two pages, of which one may be locked: -ENOMEM',
      'a table with holes: 0',
      'two pages into it: -ENOMEM',
      'two pages into it, as before the limit: 1',
      'a read into them: 4',
    ]),
  { registers: [abi.IORING_REGISTER_BUFFERS, abi.IORING_REGISTER_BUFFERS2] },
)

conformance(
  'a request that finds no descriptor says so, if it takes one, and the next with descriptors runs',
  (stand) => {
    // Here one that goes to a worker takes its file along as a descriptor.
    const held = stand.backend === 'threads' ? '-EMFILE' : '4'
    assert.deepEqual(underLimit(stand, 'descriptors'), [
      'a read by a worker: 4',
      'a read at once, without descriptors: 4',
      `a read by a worker, without descriptors: ${held}`,
      'a read of no file by a worker, without descriptors: -EBADF',
      'an open by a worker, without descriptors: -EMFILE',
      `a read in a chain, without descriptors: ${held}`,
      `fsync behind it: ${stand.backend === 'threads' ? '-ECANCELED' : '0'}`,
      'a read by a worker, as before: 4',
    ])
  },
)
