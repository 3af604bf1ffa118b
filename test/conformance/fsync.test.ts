/**
 * FSYNC. Bodies for every backend.
 */
import { IORING_FSYNC_DATASYNC, IOSQE_ASYNC, IOSQE_IO_LINK } from '../../src/abi/constants.js'
import { EBADF, EINVAL } from '../../src/lib/errno.js'
import { expectInOrder, expectRun, put, submit } from './cqes.js'
import { fsync, type SqeField, withFields, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'

conformance('fsync and fdatasync of a file', (stand) => {
  inEachMode(stand, 4, (ring) => {
    const fd = stand.file('file', 'contents')
    for (const sqeFlags of [0, IOSQE_ASYNC]) {
      expectRun(ring, fsync(fd), 0, 'fsync', sqeFlags)
      expectRun(ring, fsync(fd, IORING_FSYNC_DATASYNC), 0, 'fdatasync', sqeFlags)
      expectRun(ring, withFields(fsync(fd), { off: 2, len: 4 }), 0, 'fsync of a range', sqeFlags)
    }
  })
})

conformance('writes and then a datasync in one chain', (stand) => {
  const ring = stand.openRing(8)
  const fd = stand.file('file', '')
  for (let i = 0; i < 4; i++) put(ring, i, write(fd, stand.alloc(4096), i * 4096), IOSQE_IO_LINK)
  put(ring, 4, fsync(fd, IORING_FSYNC_DATASYNC))
  submit(ring, 5)
  expectInOrder(ring, '0:4096 1:4096 2:4096 3:4096 4:0')
})

conformance('fsync of what cannot be synced', (stand) => {
  const ring = stand.openRing(4)
  for (const sqeFlags of [0, IOSQE_ASYNC]) {
    expectRun(ring, fsync(stand.closedFd()), -EBADF, 'a closed fd', sqeFlags)
    expectRun(ring, fsync(-1), -EBADF, 'fd -1', sqeFlags)
    expectRun(ring, fsync(stand.pipe().readEnd), -EINVAL, 'a pipe', sqeFlags)
  }
})

conformance('fsync refuses flags and fields that it does not know', (stand) => {
  const ring = stand.openRing(4)
  const fd = stand.file('file', '')
  expectRun(ring, fsync(fd, 2), -EINVAL, 'flag 2')
  const fields: SqeField[] = ['addr', 'buf_index', 'splice_fd_in']
  for (const field of fields) expectRun(ring, withFields(fsync(fd), { [field]: 1 }), -EINVAL, field)
})
