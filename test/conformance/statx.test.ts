/**
 * STATX. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import { linkSync, statSync, symlinkSync } from 'node:fs'
import * as abi from '../../src/abi/constants.js'
import { STATX } from '../../src/abi/structs.js'
import { EBADF, EFAULT, EINVAL, ENOENT } from '../../src/lib/errno.js'
import { prepStatx } from '../../src/ring/prep.js'
import { expectInOrder, expectRun, put, submit } from './cqes.js'
import { statx, withFields } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'

const MASK = abi.STATX_BASIC_STATS

/** The fields that both statx and fs.stat have. */
function fieldsOf(result: Uint8Array) {
  const view = new DataView(result.buffer, result.byteOffset)
  const ns = (name: 'stx_mtime' | 'stx_ctime') =>
    view.getBigInt64(STATX.at[`${name}_tv_sec`], true) * 10n ** 9n +
    BigInt(view.getUint32(STATX.at[`${name}_tv_nsec`], true))
  return {
    mode: BigInt(view.getUint16(STATX.at.stx_mode, true)),
    nlink: BigInt(view.getUint32(STATX.at.stx_nlink, true)),
    uid: BigInt(view.getUint32(STATX.at.stx_uid, true)),
    gid: BigInt(view.getUint32(STATX.at.stx_gid, true)),
    ino: view.getBigUint64(STATX.at.stx_ino, true),
    size: view.getBigUint64(STATX.at.stx_size, true),
    blocks: view.getBigUint64(STATX.at.stx_blocks, true),
    mtimeNs: ns('stx_mtime'),
    ctimeNs: ns('stx_ctime'),
  }
}

function expected(path: string) {
  const { mode, nlink, uid, gid, ino, size, blocks, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
  return { mode, nlink, uid, gid, ino, size, blocks, mtimeNs, ctimeNs }
}

conformance('statx by path says what stat says', (stand) => {
  inEachMode(stand, 4, (ring, flags) => {
    const path = stand.path(`file-${flags}`, 'x'.repeat(12345))
    linkSync(path, stand.path(`link-${flags}`))
    for (const sqeFlags of [0, abi.IOSQE_ASYNC]) {
      const result = stand.alloc(STATX.size)
      expectRun(ring, statx(abi.AT_FDCWD, stand.cstr(path), 0, MASK, result), 0, 'statx', sqeFlags)
      assert.deepEqual(fieldsOf(result), expected(path))
    }
  })
})

conformance('statx takes a path from a folder, and follows a symbolic link unless told not to', (stand) => {
  const ring = stand.openRing(4)
  const path = stand.path('file', 'contents')
  symlinkSync('file', stand.path('symlink'))
  const folder = stand.open(stand.dir(), abi.O_DIRECTORY)
  const result = stand.alloc(STATX.size)
  expectRun(ring, statx(folder, stand.cstr('symlink'), 0, MASK, result), 0, 'statx of the target')
  assert.deepEqual(fieldsOf(result), expected(path))
  expectRun(ring, statx(folder, stand.cstr('symlink'), abi.AT_SYMLINK_NOFOLLOW, MASK, result), 0, 'statx of the link')
  assert.equal(fieldsOf(result).size, 4n)
  assert.equal(fieldsOf(result).mode & 0o170000n, 0o120000n)
})

conformance('statx of an fd, by an empty path', (stand) => {
  const ring = stand.openRing(4)
  const path = stand.path('file', 'contents')
  const fd = stand.open(path, 'r')
  const result = stand.alloc(STATX.size)
  expectRun(ring, statx(fd, stand.cstr(''), abi.AT_EMPTY_PATH, MASK, result), 0, 'statx')
  assert.deepEqual(fieldsOf(result), expected(path))
  expectRun(ring, statx(fd, stand.cstr(''), 0, MASK, result), -ENOENT, 'without AT_EMPTY_PATH')
  expectRun(ring, statx(stand.closedFd(), stand.cstr(''), abi.AT_EMPTY_PATH, MASK, result), -EBADF, 'a closed fd')
})

conformance('statx reports missing files and bad addresses', (stand) => {
  const ring = stand.openRing(4)
  const path = stand.cstr(stand.path('file', ''))
  const result = stand.alloc(STATX.size)
  for (const sqeFlags of [0, abi.IOSQE_ASYNC]) {
    const none = stand.cstr(stand.path('none'))
    expectRun(ring, statx(abi.AT_FDCWD, none, 0, MASK, result), -ENOENT, 'no such file', sqeFlags)
    expectRun(ring, statx(abi.AT_FDCWD, 1, 0, MASK, result), -EFAULT, 'path at 1', sqeFlags)
    for (const address of [0, 8]) {
      expectRun(
        ring,
        (words, at) => prepStatx(words, at, abi.AT_FDCWD, path, 0, MASK, address),
        -EFAULT,
        `result at ${address}`,
        sqeFlags,
      )
    }
  }
})

conformance('statx refuses flags and fields that it does not know', (stand) => {
  const ring = stand.openRing(4)
  const path = stand.cstr(stand.path('file', ''))
  const result = stand.alloc(STATX.size)
  const plain = statx(abi.AT_FDCWD, path, 0, MASK, result)
  expectRun(ring, statx(abi.AT_FDCWD, path, 0x1, MASK, result), -EINVAL, 'flag 1')
  expectRun(ring, statx(abi.AT_FDCWD, path, abi.AT_STATX_SYNC_TYPE, MASK, result), -EINVAL, 'both kinds of sync')
  expectRun(ring, statx(abi.AT_FDCWD, path, 0, 0x8000_0000, result), -EINVAL, 'the reserved bit of the mask')
  expectRun(ring, withFields(plain, { buf_index: 1 }), -EINVAL, 'buf_index')
  expectRun(ring, withFields(plain, { splice_fd_in: 1 }), -EINVAL, 'splice_fd_in')
})

conformance('many statx at once each fill their own result', (stand) => {
  const ring = stand.openRing(16)
  const results = Array.from({ length: 16 }, (_, i) => {
    const path = stand.path(`file${i}`, 'y'.repeat(i * 100))
    const result = stand.alloc(STATX.size)
    put(ring, i, statx(abi.AT_FDCWD, stand.cstr(path), 0, MASK, result), i < 15 ? abi.IOSQE_IO_LINK : 0)
    return result
  })
  submit(ring, 16)
  expectInOrder(ring, results.map((_, i) => `${i}:0`).join(' '))
  for (const [i, result] of results.entries()) assert.equal(fieldsOf(result).size, BigInt(i * 100))
})
