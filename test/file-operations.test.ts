/**
 * Operations on names, a file's space and its attributes as promises: each succeeds, fails as its system call does, refuses bad
 * arguments before anything is queued, and ends with its ring. Main thread.
 */
import assert from 'node:assert/strict'
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FALLOC_FL_KEEP_SIZE, POSIX_FADV_WILLNEED, XATTR_CREATE } from '../src/abi/advice.js'
import { AT_REMOVEDIR, RENAME_NOREPLACE, RESOLVE_BENEATH, SYNC_FILE_RANGE_WRITE } from '../src/abi/constants.js'
import { outcomes } from '../src/driver/driver.test.backends.js'
import type { OpOptions } from '../src/driver/options.js'
import type { Uring } from '../src/driver/uring.js'
import { onEachBuild } from './each-build.js'

interface Stand {
  readonly ring: Uring
  /** A path in a folder that has `file`, `dir/` with `inside`, and the link `up` to its parent. */
  readonly at: (name: string) => string
  readonly folder: number
  readonly fd: number
}

/** One operation: uses that succeed, with what holds then; failures by code; arguments that are refused. */
interface Row {
  readonly works: (stand: Stand, options?: OpOptions) => Promise<unknown>
  readonly value?: unknown
  readonly holds: (stand: Stand) => boolean
  readonly fails: readonly (readonly [code: string, call: (stand: Stand) => Promise<unknown>])[]
  readonly refuses: readonly (readonly [code: string, call: (stand: Stand) => Promise<unknown>])[]
}

const TYPE = 'ERR_INVALID_ARG_TYPE'
const VALUE = 'ERR_INVALID_ARG_VALUE'
const RANGE = 'ERR_OUT_OF_RANGE'
const odd = (value: unknown) => value as string & number

const ROWS: Readonly<Record<string, Row>> = {
  unlinkat: {
    works: ({ ring, at }, options) => ring.unlinkat(at('file'), options),
    holds: ({ at }) => !existsSync(at('file')),
    fails: [
      ['ENOENT', ({ ring, at }) => ring.unlinkat(at('none'))],
      ['ENOTEMPTY', ({ ring, at }) => ring.unlinkat(at('dir'), { flags: AT_REMOVEDIR })],
      ['EINVAL', ({ ring, at }) => ring.unlinkat(at('file'), { flags: 1 })],
    ],
    refuses: [
      [TYPE, ({ ring }) => ring.unlinkat(odd(5))],
      [VALUE, ({ ring }) => ring.unlinkat('a\0b')],
      [RANGE, ({ ring, at }) => ring.unlinkat(at('file'), { flags: -1 })],
    ],
  },
  renameat: {
    works: ({ ring, at }, options) => ring.renameat(at('file'), at('new'), options),
    holds: ({ at }) => existsSync(at('new')) && !existsSync(at('file')),
    fails: [
      ['ENOENT', ({ ring, at }) => ring.renameat(at('none'), at('new'))],
      ['EEXIST', ({ ring, at }) => ring.renameat(at('file'), at('dir/inside'), { flags: RENAME_NOREPLACE })],
    ],
    refuses: [
      [TYPE, ({ ring, at }) => ring.renameat(at('file'), odd(undefined))],
      [RANGE, ({ ring, at }) => ring.renameat(at('file'), at('new'), { newDirfd: -5 })],
    ],
  },
  mkdirat: {
    works: ({ ring, folder }, options) => ring.mkdirat('new', 0o700, { ...options, dirfd: folder }),
    holds: ({ at }) => statSync(at('new')).isDirectory() && (statSync(at('new')).mode & 0o777) === 0o700,
    fails: [
      ['EEXIST', ({ ring, at }) => ring.mkdirat(at('dir'))],
      ['ENOENT', ({ ring, at }) => ring.mkdirat(at('none/below'))],
    ],
    refuses: [
      [TYPE, ({ ring, at }) => ring.mkdirat(at('new'), odd('7'))],
      [RANGE, ({ ring, at }) => ring.mkdirat(at('new'), 0o700, { dirfd: -2 })],
    ],
  },
  symlinkat: {
    works: ({ ring, at }, options) => ring.symlinkat('file', at('new'), options),
    holds: ({ at }) => readlinkSync(at('new')) === 'file',
    fails: [
      ['EEXIST', ({ ring, at }) => ring.symlinkat('file', at('dir'))],
      ['ENOENT', ({ ring, at }) => ring.symlinkat('', at('new'))],
    ],
    refuses: [[TYPE, ({ ring, at }) => ring.symlinkat(odd(5), at('new'))]],
  },
  linkat: {
    works: ({ ring, at }, options) => ring.linkat(at('file'), at('new'), options),
    holds: ({ at }) => statSync(at('new')).ino === statSync(at('file')).ino,
    fails: [
      ['EEXIST', ({ ring, at }) => ring.linkat(at('file'), at('dir/inside'))],
      ['EPERM', ({ ring, at }) => ring.linkat(at('dir'), at('new'))],
    ],
    refuses: [[VALUE, ({ ring, at }) => ring.linkat(at('file'), '\0')]],
  },
  openat2: {
    works: async ({ ring, folder }, options) => {
      const how = { flags: 'wx', mode: 0o600, resolve: RESOLVE_BENEATH }
      await ring.close(await ring.openat2('new', how, { ...options, dirfd: folder }))
      return 0
    },
    holds: ({ at }) => (statSync(at('new')).mode & 0o777) === 0o600,
    fails: [
      ['EXDEV', ({ ring, folder }) => ring.openat2('up/etc', { resolve: RESOLVE_BENEATH }, { dirfd: folder })],
      ['EINVAL', ({ ring, at }) => ring.openat2(at('file'), { resolve: 0x4000 })],
      ['EINVAL', ({ ring, at }) => ring.openat2(at('file'), { mode: 0o600 })],
    ],
    refuses: [
      [TYPE, ({ ring, at }) => ring.openat2(at('file'), odd(5) as unknown as object)],
      [VALUE, ({ ring, at }) => ring.openat2(at('file'), { flag: 'r' } as object)],
      [VALUE, ({ ring, at }) => ring.openat2(at('file'), { flags: 'odd' })],
    ],
  },
  fallocate: {
    works: ({ ring, fd }, options) => ring.fallocate(fd, 0, 0, 10_000, options),
    holds: ({ at }) => statSync(at('file')).size === 10_000,
    fails: [
      ['EINVAL', ({ ring, fd }) => ring.fallocate(fd, 0, 0, 0)],
      ['EBADF', ({ ring }) => ring.fallocate(9999, 0, 0, 1)],
    ],
    refuses: [
      [RANGE, ({ ring, fd }) => ring.fallocate(fd, 0, -1, 1)],
      [TYPE, ({ ring, fd }) => ring.fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, odd('1'))],
    ],
  },
  ftruncate: {
    works: ({ ring, fd }, options) => ring.ftruncate(fd, 2, options),
    holds: ({ at }) => readFileSync(at('file'), 'utf8') === 'so',
    fails: [
      ['EBADF', ({ ring }) => ring.ftruncate(9999)],
      ['EINVAL', ({ ring, folder }) => ring.ftruncate(folder)],
    ],
    refuses: [[RANGE, ({ ring, fd }) => ring.ftruncate(fd, -1)]],
  },
  fadvise: {
    works: ({ ring, fd }, options) => ring.fadvise(fd, 0, 0, POSIX_FADV_WILLNEED, options),
    holds: () => true,
    fails: [['EINVAL', ({ ring, fd }) => ring.fadvise(fd, 0, 0, 99)]],
    refuses: [[RANGE, ({ ring, fd }) => ring.fadvise(fd, 0.5, 0, 0)]],
  },
  syncFileRange: {
    works: ({ ring, fd }, options) => ring.syncFileRange(fd, 0, 4, SYNC_FILE_RANGE_WRITE, options),
    holds: () => true,
    fails: [['EINVAL', ({ ring, fd }) => ring.syncFileRange(fd, 0, 4, 0x800)]],
    refuses: [[RANGE, ({ ring, fd }) => ring.syncFileRange(fd, 0, 2 ** 33, 0)]],
  },
  setxattr: {
    works: ({ ring, at }, options) => ring.setxattr(at('file'), 'user.a', 'value', options),
    holds: () => true,
    fails: [
      ['ENODATA', ({ ring, at }) => ring.setxattr(at('file'), 'user.none', '', { flags: 2 })],
      ['EBADF', ({ ring }) => ring.setxattr(9999, 'user.a', 'value', { flags: XATTR_CREATE })],
    ],
    refuses: [
      [TYPE, ({ ring, at }) => ring.setxattr(at('file'), 'user.a', odd(5))],
      [VALUE, ({ ring, at }) => ring.setxattr(at('file'), 'user.\0', 'a')],
    ],
  },
  getxattr: {
    works: async ({ ring, fd, at }, options) => {
      await ring.setxattr(fd, 'user.b', Buffer.from([1, 0, 2]))
      const both = [await ring.getxattr(fd, 'user.b', options), await ring.getxattr(at('file'), 'user.b')]
      return both.map((value) => value.toString('hex')).join()
    },
    value: '010002,010002',
    holds: () => true,
    fails: [
      ['ENODATA', ({ ring, at }) => ring.getxattr(at('file'), 'user.none')],
      ['ENOENT', ({ ring, at }) => ring.getxattr(at('none'), 'user.a')],
    ],
    refuses: [[TYPE, ({ ring, at }) => ring.getxattr(at('file'), odd(5))]],
  },
}

async function withStand(ring: Uring, use: (stand: Stand) => Promise<void>): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'uring-names-'))
  const at = (name: string) => join(path, name)
  writeFileSync(at('file'), 'some text')
  await ring.mkdirat(at('dir'))
  writeFileSync(at('dir/inside'), '')
  symlinkSync('..', at('up'))
  const [folder, fd] = [await ring.openat(path, 0o200_000), await ring.openat(at('file'), 'r+')]
  try {
    await use({ ring, at, folder, fd })
  } finally {
    await Promise.all([ring.close(folder), ring.close(fd)])
    rmSync(path, { recursive: true })
  }
}

for (const [name, row] of Object.entries(ROWS)) {
  onEachBuild(`${name} does what its call does, and fails as it does`, async (open) => {
    const ring = await open()
    await withStand(ring, async (stand) => {
      for (const [code, call] of row.fails) await assert.rejects(call(stand), { code }, `${name}: ${code}`)
      const { sqes } = ring.stats()
      for (const [code, call] of row.refuses) await assert.rejects(call(stand), { code }, `${name}: ${code}`)
      await assert.rejects(row.works(stand, { signal: AbortSignal.abort() }), { name: 'AbortError' })
      assert.equal(ring.stats().sqes - sqes, name === 'getxattr' ? 1 : 0, 'what is refused is not queued')
      assert.deepEqual(await row.works(stand), row.value ?? 0)
      assert.ok(row.holds(stand))
    })
  })
}

onEachBuild('operations on names in flight end with their ring, and closed rings take none', async (open) => {
  const ring = await open()
  await withStand(ring, async ({ at }) => {
    const other = await open()
    const calls = Array.from({ length: 20 }, (_, i) => other.mkdirat(at(`d${i}`)))
    const closed = other.close()
    assert.deepEqual(
      await outcomes(calls),
      calls.map(() => 0),
    )
    await closed
    await assert.rejects(other.unlinkat(at('file')), { code: 'ERR_INVALID_STATE' })
    assert.ok(existsSync(at('file')))
  })
})

onEachBuild(
  'an error of two names names both; a truncation comes behind a write at the file’s position',
  async (open) => {
    const ring = await open()
    await withStand(ring, async ({ at, fd }) => {
      const [from, to] = [at('none'), at('new')]
      await assert.rejects(ring.renameat(from, to), {
        message: `ENOENT: no such file or directory, renameat2 '${from}' -> '${to}'`,
        path: from,
        dest: to,
      })
      await Promise.all([ring.write(fd, Buffer.alloc(20, 'w')), ring.ftruncate(fd, 5)])
      assert.equal(readFileSync(at('file'), 'utf8'), 'wwwww')
    })
  },
)

onEachBuild('a ring is opened, not constructed', async (open) => {
  const Ring = (await open()).constructor as unknown as new () => Uring
  assert.throws(() => new Ring(), { code: 'ERR_ILLEGAL_CONSTRUCTOR', message: /Uring\.open\(\)/ })
})
