/**
 * io_uring_setup: what it rounds, what it refuses, what it reports. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import * as abi from '../../src/abi/constants.js'
import { CQE } from '../../src/abi/cqe.js'
import { PARAMS } from '../../src/abi/params.js'
import { EINVAL, ENXIO, EOVERFLOW } from '../../src/lib/errno.js'
import { equalRes, expectInOrder, expectRun, ok, put, submit } from './cqes.js'
import { nop } from './fills.js'
import { conformance } from './harness.js'
import { DEFER } from './modes.js'
import type { SetupTrial, Stand } from './stand.js'

function expectRefused(stand: Stand, entries: number, trial: SetupTrial, what: string): void {
  equalRes(stand.trySetup(entries, trial).res, -EINVAL, what)
}

/** Sizes that a setup gives, as [sq, cq]. */
function sizes(stand: Stand, entries: number, trial: SetupTrial = {}): [number, number] {
  const { res, params, ring } = stand.trySetup(entries, trial)
  ok(res, `setup(${entries})`)
  ring!.queueExit()
  return [params.getUint32(PARAMS.at.sq_entries, true), params.getUint32(PARAMS.at.cq_entries, true)]
}

conformance('SQ entries are rounded up to a power of two, and the CQ is twice that', (stand) => {
  assert.deepEqual(sizes(stand, 1), [1, 2])
  assert.deepEqual(sizes(stand, 2), [2, 4])
  assert.deepEqual(sizes(stand, 3), [4, 8])
  assert.deepEqual(sizes(stand, 100), [128, 256])
  assert.deepEqual(sizes(stand, 32768), [32768, 65536])
})

conformance('no entries, and too many, are refused', (stand) => {
  expectRefused(stand, 0, {}, 'entries 0')
  expectRefused(stand, 0, { flags: abi.IORING_SETUP_CLAMP }, 'entries 0 with CLAMP')
  expectRefused(stand, 32769, {}, 'entries 32769')
  expectRefused(stand, 0xffff_ffff, {}, 'entries 2^32 - 1')
})

conformance('CLAMP caps the entries', (stand) => {
  assert.deepEqual(sizes(stand, 32769, { flags: abi.IORING_SETUP_CLAMP }), [32768, 65536])
  assert.deepEqual(sizes(stand, 0xffff_ffff, { flags: abi.IORING_SETUP_CLAMP }), [32768, 65536])
  assert.deepEqual(sizes(stand, 5, { flags: abi.IORING_SETUP_CLAMP }), [8, 16])
  assert.deepEqual(sizes(stand, 4, { flags: abi.IORING_SETUP_CLAMP, cqEntries: 70000 }), [4, 65536])
})

conformance('CQSIZE gives the CQ asked for, rounded up', (stand) => {
  assert.deepEqual(sizes(stand, 4, { cqEntries: 64 }), [4, 64])
  assert.deepEqual(sizes(stand, 4, { cqEntries: 65 }), [4, 128])
  assert.deepEqual(sizes(stand, 4, { cqEntries: 3 }), [4, 4])
  assert.deepEqual(sizes(stand, 4, { cqEntries: 65536 }), [4, 65536])
})

conformance('CQSIZE of nothing, too much, or less than the SQ is refused', (stand) => {
  expectRefused(stand, 4, { cqEntries: 0 }, 'cq 0')
  expectRefused(stand, 4, { cqEntries: 65537 }, 'cq 65537')
  expectRefused(stand, 8, { cqEntries: 4 }, 'cq 4 for sq 8')
  expectRefused(stand, 5, { cqEntries: 4 }, 'cq 4 for sq 5, rounded to 8')
  expectRefused(stand, 4, { cqEntries: 0, flags: abi.IORING_SETUP_CLAMP }, 'cq 0 with CLAMP')
})

conformance('CQ entries without CQSIZE are ignored', (stand) => {
  const edit = (params: DataView) => params.setUint32(PARAMS.at.cq_entries, 3, true)
  assert.deepEqual(sizes(stand, 4, { edit }), [4, 8])
})

conformance('unknown setup flags are refused', (stand) => {
  for (let bit = 21; bit < 32; bit++) expectRefused(stand, 4, { flags: 2 ** bit }, `flag bit ${bit}`)
})

conformance('reserved words that are not 0 are refused', (stand) => {
  for (const name of ['resv0', 'resv1', 'resv2'] as const) {
    expectRefused(stand, 4, { edit: (params) => params.setUint32(PARAMS.at[name], 1, true) }, name)
  }
})

// biome-ignore format: table
const CONTRADICTIONS: readonly (readonly [flags: number, what: string])[] = [
  [abi.IORING_SETUP_DEFER_TASKRUN, 'DEFER_TASKRUN without SINGLE_ISSUER'],
  [abi.IORING_SETUP_TASKRUN_FLAG, 'TASKRUN_FLAG without COOP or DEFER'],
  [abi.IORING_SETUP_TASKRUN_FLAG | abi.IORING_SETUP_SINGLE_ISSUER, 'TASKRUN_FLAG with SINGLE_ISSUER alone'],
  [abi.IORING_SETUP_SQPOLL | abi.IORING_SETUP_COOP_TASKRUN, 'SQPOLL with COOP_TASKRUN'],
  [abi.IORING_SETUP_SQPOLL | abi.IORING_SETUP_TASKRUN_FLAG, 'SQPOLL with TASKRUN_FLAG'],
  [abi.IORING_SETUP_SQPOLL | DEFER, 'SQPOLL with DEFER_TASKRUN'],
  [abi.IORING_SETUP_SQ_AFF, 'SQ_AFF without SQPOLL'],
  [abi.IORING_SETUP_REGISTERED_FD_ONLY, 'REGISTERED_FD_ONLY without NO_MMAP'],
  [abi.IORING_SETUP_HYBRID_IOPOLL, 'HYBRID_IOPOLL without IOPOLL'],
  [abi.IORING_SETUP_CQE32 | abi.IORING_SETUP_CQE_MIXED, 'CQE32 with CQE_MIXED'],
  [abi.IORING_SETUP_SQE128 | abi.IORING_SETUP_SQE_MIXED, 'SQE128 with SQE_MIXED'],
  [abi.IORING_SETUP_SQ_REWIND, 'SQ_REWIND without NO_SQARRAY'],
]

conformance('flags that contradict each other are refused', (stand) => {
  for (const [flags, what] of CONTRADICTIONS) expectRefused(stand, 4, { flags }, what)
})

conformance(
  'mixed completions need two entries',
  (stand) => {
    const { res } = stand.trySetup(1, { flags: abi.IORING_SETUP_CQE_MIXED, cqEntries: 1 })
    equalRes(res, -EOVERFLOW)
  },
  { setup: abi.IORING_SETUP_CQE_MIXED },
)

conformance('every kind of ring of this milestone can be made', (stand) => {
  const { IORING_SETUP_SUBMIT_ALL: all, IORING_SETUP_COOP_TASKRUN: coop, IORING_SETUP_TASKRUN_FLAG: flag } = abi
  for (const base of [0, coop, coop | flag, abi.IORING_SETUP_SINGLE_ISSUER, DEFER, DEFER | flag, DEFER | coop | flag]) {
    for (const extra of [0, all, abi.IORING_SETUP_CLAMP]) {
      const { res, params, ring } = stand.trySetup(4, { flags: base | extra })
      ok(res, `flags 0x${(base | extra).toString(16)}`)
      assert.equal(params.getUint32(PARAMS.at.flags, true), base | extra, 'the flags come back')
      ring!.queueExit()
    }
  }
})

conformance('a ring attaches to the io-wq of another ring, and of nothing else', (stand) => {
  const first = stand.openRing(4)
  const attach = (fd: number): SetupTrial => ({
    flags: abi.IORING_SETUP_ATTACH_WQ,
    edit: (params) => params.setInt32(PARAMS.at.wq_fd, fd, true),
  })
  const { ring } = stand.trySetup(4, attach(first.fd))
  expectRun(ring!, nop(), 0, 'a NOP in a worker', abi.IOSQE_ASYNC)
  first.queueExit()
  expectRun(ring!, nop(), 0, 'a NOP in a worker', abi.IOSQE_ASYNC)
  expectRefused(stand, 4, attach(stand.file('file', '')), 'a file')
  equalRes(stand.trySetup(4, attach(stand.closedFd())).res, -ENXIO, 'a closed fd')
})

conformance('the ring memory is where params says', (stand) => {
  const { ring, words, param, at } = stand.openBareRing(4, { cqEntries: 16 })
  assert.equal(words[at('sq_off_ring_mask')], 3)
  assert.equal(words[at('cq_off_ring_mask')], 15)
  assert.equal(words[at('sq_off_ring_entries')], 4)
  assert.equal(words[at('cq_off_ring_entries')], 16)
  const fresh = ['sq_off_head', 'sq_off_tail', 'sq_off_flags', 'sq_off_dropped', 'cq_off_head', 'cq_off_tail'] as const
  for (const name of [...fresh, 'cq_off_overflow', 'cq_off_flags'] as const) assert.equal(words[at(name)], 0, name)
  put(ring, 77, nop())
  submit(ring, 1)
  assert.equal(words[at('sq_off_tail')], 1)
  assert.equal(words[at('sq_off_head')], 1)
  assert.equal(words[at('cq_off_tail')], 1)
  assert.equal(words[at('cq_off_head')], 0)
  assert.equal(words[(param('cq_off_cqes') + CQE.at.user_data) >> 2], 77)
  expectInOrder(ring, '77:0')
  assert.equal(words[at('cq_off_head')], 1)
})

conformance('the features say what both backends promise', (stand) => {
  const { features } = stand.openRing(4)
  const stable = abi.IORING_FEAT_SINGLE_MMAP | abi.IORING_FEAT_NODROP | abi.IORING_FEAT_SUBMIT_STABLE
  const promised = stable | abi.IORING_FEAT_RW_CUR_POS | abi.IORING_FEAT_EXT_ARG
  assert.equal(features & promised, promised)
})

conformance('each ring has an fd of its own', (stand) => {
  const fds = [stand.openRing(4), stand.openRing(4), stand.openRing(4)].map(({ fd }) => fd)
  assert.equal(new Set(fds).size, 3)
})
