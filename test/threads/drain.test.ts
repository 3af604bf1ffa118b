/**
 * What a drain holds back ends with its ring: each request once, and nothing is left of it.
 *
 * A closed ring's memory is looked at here, which the kernel has unmapped by then.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  IOSQE_ASYNC as ASYNC,
  IOSQE_IO_DRAIN as DRAIN,
  IOSQE_IO_HARDLINK as HARDLINK,
  IORING_NOP_TW,
  IOSQE_IO_LINK as LINK,
} from '../../src/abi/constants.js'
import { ThreadsSyscalls } from '../../src/backends/threads/index.js'
import { MAX_RINGS, RINGS } from '../../src/backends/threads/state/layout.js'
import { loadAcquire } from '../../src/lib/barrier.js'
import { type QueueInitOptions, queueInit, type Ring } from '../../src/ring/ring.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import { named, put, submit } from '../conformance/cqes.js'
import { type Fill, nop, read } from '../conformance/fills.js'
import { DEFER } from '../conformance/modes.js'
import { until } from '../pool/gate.js'

// Workers do not keep the process alive, and these tests wait for nothing else.
const alive = setInterval(() => {}, 1000)
after(() => clearInterval(alive))

const syscalls = new ThreadsSyscalls()

function pipe(): [read: number, write: number] {
  const fds = new Int32Array(2)
  assert.equal(libc('pipe2')(addressOf(fds), 0), 0)
  return [fds[0]!, fds[1]!]
}

/** Opens a ring, submits these, closes it; returns a function that tells which of them have ended, and how. */
function closeWith(fills: readonly (readonly [fill: Fill, flags: number])[], options: QueueInitOptions): () => string {
  const ring: Ring = queueInit(syscalls, 8, options)
  const words = new Int32Array(syscalls.memory(ring.fd).rings)
  const cqes = RINGS.size >> 2
  fills.forEach(([fill, flags], i) => {
    put(ring, i + 1, fill, flags)
  })
  submit(ring, fills.length)
  ring.queueExit()
  return () => {
    const nr = loadAcquire(words, RINGS.at.cq_tail >> 2)
    return Array.from({ length: nr }, (_, i) => `${words[cqes + 4 * i]}:${named(words[cqes + 4 * i + 2]!)}`).join(' ')
  }
}

test('what a drain holds back is cancelled when its ring is closed, chains and all', async () => {
  const [readEnd, writeEnd] = pipe()
  const into = new Uint8Array(1)
  for (const flags of [0, DEFER]) {
    const ends = closeWith(
      [
        [read(readEnd, into), ASYNC],
        [nop(), DRAIN],
        [nop(), LINK],
        [nop(), LINK],
        [nop(), 0],
        [nop(), HARDLINK],
        [nop(), 0],
      ],
      { flags },
    )
    const words = () => ends().split(' ').sort()
    await until(() => words().length === 7, 'all have ended')
    assert.deepEqual(words(), [
      ...[1, 2, 3, 4, 5, 6].map((i) => `${i}:-ECANCELED`),
      // Its turn came, and the ring was closed.
      '7:-EFAULT',
    ])
  }
  libc('close')(readEnd)
  libc('close')(writeEnd)
})

test('rings that are closed with held requests leave their place to others', () => {
  for (let i = 0; i < 2 * MAX_RINGS; i++) {
    // The NOP waits for a GETEVENTS that never comes.
    const ends = closeWith(
      [
        [nop(IORING_NOP_TW), 0],
        [nop(), DRAIN],
        [nop(), LINK],
        [nop(), 0],
      ],
      { flags: DEFER },
    )
    assert.equal(ends(), '1:0 2:-ECANCELED 3:-ECANCELED 4:-ECANCELED')
  }
})
