/**
 * CQE_SKIP_SUCCESS: requests that tell only of failure. Bodies for every backend.
 */
import {
  AT_FDCWD,
  IOSQE_ASYNC,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
  STATX_SIZE,
} from '../../src/abi/constants.js'
import { STATX } from '../../src/abi/structs.js'
import { expectAnyOrder, expectInOrder, expectNothing, put, submit } from './cqes.js'
import { badOpcode, nop, read, statx } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'

const SKIP = IOSQE_CQE_SKIP_SUCCESS
const LINK = IOSQE_IO_LINK

conformance('a successful request that skips its completion posts none', (stand) => {
  inEachMode(stand, 8, (ring) => {
    put(ring, 1, nop(), SKIP)
    put(ring, 2, nop())
    put(ring, 3, nop(), SKIP | LINK)
    put(ring, 4, nop(), SKIP | IOSQE_ASYNC)
    submit(ring, 4)
    expectInOrder(ring, '2:0')
    expectNothing(ring, 'the others skip theirs')
  })
})

conformance('a failed request that would skip its completion posts it', (stand) => {
  inEachMode(stand, 8, (ring) => {
    put(ring, 1, read(stand.closedFd(), stand.alloc(1), 0), SKIP)
    put(ring, 2, badOpcode, SKIP)
    submit(ring, 2)
    expectAnyOrder(ring, '1:-EBADF 2:-EINVAL')
  })
})

conformance('a chain that skips all but its last completion tells once', (stand) => {
  inEachMode(stand, 8, (ring) => {
    for (let i = 1; i < 4; i++) put(ring, i, nop(), SKIP | LINK)
    put(ring, 4, nop())
    submit(ring, 4)
    expectInOrder(ring, '4:0')
  })
})

conformance('after a failed member that would skip, the cancelled ones are silent', (stand) => {
  inEachMode(stand, 8, (ring) => {
    put(ring, 1, nop(), LINK)
    put(ring, 2, read(stand.closedFd(), stand.alloc(1), 0), SKIP | LINK)
    put(ring, 3, nop(), LINK)
    put(ring, 4, nop())
    submit(ring, 4)
    expectInOrder(ring, '1:0 2:-EBADF')
    expectNothing(ring, 'the failure was told once')
  })
})

conformance('after a failed member that does not skip, cancelled ones post even if they would skip', (stand) => {
  inEachMode(stand, 8, (ring) => {
    put(ring, 1, read(stand.closedFd(), stand.alloc(1), 0), LINK)
    put(ring, 2, nop(), SKIP | LINK)
    put(ring, 3, nop())
    submit(ring, 3)
    expectInOrder(ring, '1:-EBADF 2:-ECANCELED 3:-ECANCELED')
  })
})

conformance('a failed hard link that would skip tells, and its follower runs', (stand) => {
  inEachMode(stand, 8, (ring) => {
    put(ring, 1, read(stand.closedFd(), stand.alloc(1), 0), SKIP | IOSQE_IO_HARDLINK)
    put(ring, 2, nop())
    submit(ring, 2)
    expectInOrder(ring, '1:-EBADF 2:0')
  })
})

conformance('a failed statx that skips its completion posts none, since it never counts as failed', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const missing = statx(AT_FDCWD, stand.cstr(stand.path('none')), 0, STATX_SIZE, stand.alloc(STATX.size))
    put(ring, 1, missing, SKIP | LINK)
    put(ring, 2, nop())
    submit(ring, 2)
    expectInOrder(ring, '2:0')
  })
})
