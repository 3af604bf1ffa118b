/**
 * What programs do with files, on a ring of threads, compared with node:fs. A process of its own for narrow.test.ts, which
 * has taken calls away from it; prints `same`.
 */
import assert from 'node:assert/strict'
import { lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AT_SYMLINK_NOFOLLOW } from '../../src/abi/posix.js'

const entry = new URL('../../lib/index.js', import.meta.url).href
const { Uring } = (await import(entry)) as typeof import('../../src/index.js')
const BIG = { bigint: true } as const

/** makedev(3), for numbers as small as Linux has them. */
function device(major: number, minor: number): bigint {
  return BigInt((minor & 0xff) | (major << 8)) | (BigInt(minor & ~0xff) << 12n)
}

const folder = mkdtempSync(join(tmpdir(), 'uring-narrow-'))
try {
  const ring = await Uring.open({ backend: 'threads' })
  const path = join(folder, 'file')
  const link = join(folder, 'link')
  const content = Buffer.alloc(100_000, 'narrow ')
  writeFileSync(path, '')
  symlinkSync(path, link)

  const fd = await ring.openat(path, 'r+')
  assert.equal(await ring.write(fd, content, { position: 0 }), content.byteLength)
  assert.equal(await ring.write(fd, content.subarray(0, 7)), 7)
  assert.ok(readFileSync(path).equals(content))
  for (const async of [false, true]) {
    const buffer = Buffer.alloc(content.byteLength)
    assert.equal(await ring.read(fd, buffer, { position: 0, async }), content.byteLength)
    assert.ok(buffer.equals(content))
    const parts = [Buffer.alloc(3), Buffer.alloc(4)]
    assert.equal(await ring.readv(fd, parts, 7, { async }), 7)
    assert.equal(Buffer.concat(parts).toString(), 'narrow ')
    assert.equal(await ring.read(fd, Buffer.alloc(9), { position: content.byteLength, async }), 0)
  }

  for (const [what, flags] of [
    [path, 0],
    [link, 0],
    [link, AT_SYMLINK_NOFOLLOW],
    ['/dev/null', 0],
    [fd, 0],
    [folder, 0],
  ] as const) {
    const is = await ring.statx(what, { flags })
    const wanted = typeof what === 'number' ? statSync(path) : flags === 0 ? statSync(what) : lstatSync(what)
    const { stx_mode, stx_nlink, stx_uid, stx_gid, stx_size, stx_blocks, stx_blksize } = is
    assert.deepEqual(
      [stx_mode, stx_nlink, stx_uid, stx_gid, stx_size, stx_blocks, stx_blksize].map(Number),
      [wanted.mode, wanted.nlink, wanted.uid, wanted.gid, wanted.size, wanted.blocks, wanted.blksize],
      String(what),
    )
    assert.equal(Number(is.stx_ino), wanted.ino)
    const exact =
      typeof what === 'number' ? statSync(path, BIG) : flags === 0 ? statSync(what, BIG) : lstatSync(what, BIG)
    const ns = (seconds: number, nsec: number) => BigInt(seconds) * 1_000_000_000n + BigInt(nsec)
    assert.deepEqual(
      [ns(is.stx_mtime_tv_sec, is.stx_mtime_tv_nsec), ns(is.stx_ctime_tv_sec, is.stx_ctime_tv_nsec)],
      [exact.mtimeNs, exact.ctimeNs],
    )
    assert.deepEqual(
      [device(is.stx_dev_major, is.stx_dev_minor), device(is.stx_rdev_major, is.stx_rdev_minor)],
      [exact.dev, exact.rdev],
    )
  }
  await assert.rejects(ring.statx(join(folder, 'none')), { code: 'ENOENT' })
  await ring.close(fd)
  await ring.close()
  console.log('same')
} finally {
  rmSync(folder, { recursive: true })
}
