/**
 * What a drain holds back ends with its ring or its workers: each request once, and nothing is left of it.
 *
 * A closed ring's memory is looked at here, which the kernel has unmapped by then.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import {
  IOSQE_ASYNC as ASYNC,
  IOSQE_IO_DRAIN as DRAIN,
  IOSQE_IO_HARDLINK as HARDLINK,
  IORING_NOP_TW,
  IOSQE_IO_LINK as LINK,
} from '../../src/abi/constants.js'
import { ThreadsSyscalls } from '../../src/backends/threads/index.js'
import { MAX_RINGS, RINGS } from '../../src/backends/threads/layout.js'
import { loadAcquire } from '../../src/lib/barrier.js'
import { ECANCELED, EFAULT, EOWNERDEAD } from '../../src/lib/errno.js'
import { type QueueInitOptions, queueInit, type Ring } from '../../src/ring/ring.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import { expectInOrder, named, put, submit } from '../conformance/cqes.js'
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
