/**
 * Shared memory of the threads backend: ring headers, the context's words, the request table. Every thread imports it.
 *
 * The ring header has the kernel's offsets, though nobody may rely on them: params have the offsets. Requests lie in
 * the payload of io-wq's items, so a request and its work item are one record. Counterpart: struct io_rings,
 * io_ring_ctx and io_kiocb.
 */
import { struct } from '../../../lib/layout.js'
import type { Watched } from '../../../lib/writers.js'

// biome-ignore format: table
export const RINGS = struct('io_rings', [
  'cache line: ring header, offsets as in the kernel',
  ['sq_head',         'u32', 'owner', 'next SQE to take',                                  0],
  ['sq_tail',         'u32', 'app',   'next slot to fill',                                 4],
  ['cq_head',         'u32', 'app',   'next CQE to read',                                  8],
  ['cq_tail',         'u32', 'owner', 'next slot to post to',                              12],
  ['sq_ring_mask',    'u32', 'once',  'SQ entries - 1',                                    16],
  ['cq_ring_mask',    'u32', 'once',  'CQ entries - 1',                                    20],
  ['sq_ring_entries', 'u32', 'once',  'SQ entries',                                        24],
  ['cq_ring_entries', 'u32', 'once',  'CQ entries',                                        28],
  ['sq_dropped',      'u32', 'owner', 'array slots that named no SQE',                     32],
  ['sq_flags',        'u32', 'any',   'IORING_SQ_CQ_OVERFLOW by the owner, _TASKRUN by workers', 36],
  ['cq_flags',        'u32', 'app',   'IORING_CQ_EVENTFD_DISABLED',                        40],
  ['cq_overflow',     'u32', 'owner', 'CQEs lost',                                         44],
])

// biome-ignore format: table
export const CTX = struct('io_ring_ctx', [
  'cache line: what workers need to know of a ring',
  ['generation',    'u32', 'once',  'distinguishes a ring from an earlier one of the same index'],
  ['eventfd',       'u32', 'owner', 'registered eventfd, or -1'],
])

// biome-ignore format: table
export const REQ = struct('io_kiocb', [
  ['opcode',       'u32', 'owner',  'IORING_OP_*'],
  ['sqe_flags',    'u32', 'owner',  'IOSQE_*'],
  ['fd',           's32', 'owner',  'the file, or the directory of a path'],
  ['held_fd',      's32', 'owner',  'a duplicate of fd that work in io-wq uses; -1 for none'],
  ['off_lo',       'u32', 'owner',  'sqe.off, addr2'],
  ['off_hi',       'u32', 'owner',  ''],
  ['addr_lo',      'u32', 'owner',  'sqe.addr; after prep, the copy of what it pointed to'],
  ['addr_hi',      'u32', 'owner',  ''],
  ['len',          'u32', 'owner',  'sqe.len'],
  ['op_flags',     'u32', 'owner',  'the per-operation flags word'],
  ['user_data_lo', 'u32', 'owner',  ''],
  ['user_data_hi', 'u32', 'owner',  ''],
  ['buf_index',    'u32', 'owner',  'buf_index, personality << 16'],
  ['file_index',   'u32', 'owner',  'splice_fd_in, file_index'],
  ['total',        'u32', 'owner',  'bytes a transfer must move to succeed'],
  ['done',         'u32', 'owner',  'bytes an inline attempt moved already'],
  ['res',          's32', 'record holder', 'result: by the worker while RUNNING, else by the owner'],
  ['poll',         'u32', 'any',    'POLL_*: its wait for its file; changed by compare-and-swap once it is queued'],
  ['req_flags',    'u32', 'owner',  'REQ_F_*'],
  ['link',         'u32', 'owner',  'the next member of the chain, or NONE'],
  ['tw',           'u32', 'owner',  'TW_*: which task work it is'],
  ['ctx',          'u32', 'owner',  'index of its ring, and of the ring\'s task-work queue'],
  ['generation',   'u32', 'owner',  'CTX.generation of its ring'],
])

/** REQ.req_flags. */
export const REQ_F_FAIL = 1
/** If this request fails, the rest of its chain posts no CQEs. */
export const REQ_F_SKIP_LINK_CQES = 2
/** Ended without running: `res` is final, no operation's rule applies to it. */
export const REQ_F_ENDED = 8
/** Posts no CQE. */
export const REQ_F_SILENT = 16
/** Was once in io-wq: its completion counts as asynchronous for IORING_REGISTER_EVENTFD_ASYNC. */
export const REQ_F_ASYNC = 4
/** Its file is always ready (regular, or a block device): its only wait is inside the call. */
export const REQ_F_ISREG = 32

/** REQ.poll: no wait; a worker waits for the file; a cancel took the wait away, and the request ends as -ECANCELED. */
export const POLL_NONE = 0
export const POLL_ARMED = 1
export const POLL_CANCELED = 2

/** REQ.tw. */
export const TW_COMPLETE = 0
export const TW_SUBMIT = 1

/** Rings a thread can have open at once. */
export const MAX_RINGS = 256
/** Requests a thread can have in flight; untouched records cost nothing. */
export const MAX_REQS = 65536
/** Worker slots: no limit on workers exceeds it. */
export const MAX_WORKERS = 128
/** The kernel's number of hash buckets. */
export const NR_BUCKETS = 64

/** A ring's words as the writer check wants them. */
export function watchedRing(words: Int32Array, ctxWord: number): Watched[] {
  return [
    { words, layout: RINGS, baseWord: 0 },
    { words, layout: CTX, baseWord: ctxWord },
  ]
}
