/**
 * The argument of io_uring_setup as a table. The app's thread fills it in before the call and reads it after.
 *
 * The two structs of ring offsets inside are laid flat: sq_off_tail is C's sq_off.tail. Code reads every offset in the
 * ring memory from here, and hard-codes none. Counterpart: struct io_uring_params, with io_sqring_offsets and
 * io_cqring_offsets, in include/uapi/linux/io_uring.h.
 */
import { lazyStruct } from '../lib/layout.js'

// biome-ignore format: table
export const PARAMS = lazyStruct('io_uring_params', [
  //field                 type   written by meaning                                             offset
  ['sq_entries',          'u32', 'kernel',  'size of the SQ made, a power of two',              0],
  ['cq_entries',          'u32', 'app',     'size asked with CQSIZE; the size made comes back', 4],
  ['flags',               'u32', 'app',     'IORING_SETUP_*',                                   8],
  ['sq_thread_cpu',       'u32', 'app',     'CPU of the SQ poll thread, with SQ_AFF',           12],
  ['sq_thread_idle',      'u32', 'app',     'milliseconds until the SQ poll thread sleeps',     16],
  ['features',            'u32', 'kernel',  'IORING_FEAT_*',                                    20],
  ['wq_fd',               'u32', 'app',     'ring whose io-wq to share, with ATTACH_WQ',        24],
  ['resv0',               'u32', 'app',     'must be 0',                                        28],
  ['resv1',               'u32', 'app',     'must be 0',                                        32],
  ['resv2',               'u32', 'app',     'must be 0',                                        36],
  ['sq_off_head',         'u32', 'kernel',  'where the SQ head is',                             40],
  ['sq_off_tail',         'u32', 'kernel',  'where the SQ tail is',                             44],
  ['sq_off_ring_mask',    'u32', 'kernel',  'where the index mask is',                          48],
  ['sq_off_ring_entries', 'u32', 'kernel',  'where the number of entries is',                   52],
  ['sq_off_flags',        'u32', 'kernel',  'where IORING_SQ_* are',                            56],
  ['sq_off_dropped',      'u32', 'kernel',  'where the count of bad array indexes is',          60],
  ['sq_off_array',        'u32', 'kernel',  'where the array of SQE indexes is; 0 without one', 64],
  ['sq_off_resv1',        'u32', 'app',     'must be 0',                                        68],
  ['sq_off_user_addr',    'u64', 'app',     'memory for the SQEs, with NO_MMAP',                72],
  ['cq_off_head',         'u32', 'kernel',  'where the CQ head is',                             80],
  ['cq_off_tail',         'u32', 'kernel',  'where the CQ tail is',                             84],
  ['cq_off_ring_mask',    'u32', 'kernel',  'where the index mask is',                          88],
  ['cq_off_ring_entries', 'u32', 'kernel',  'where the number of entries is',                   92],
  ['cq_off_overflow',     'u32', 'kernel',  'where the count of lost CQEs is',                  96],
  ['cq_off_cqes',         'u32', 'kernel',  'where the CQEs begin',                             100],
  ['cq_off_flags',        'u32', 'kernel',  'where IORING_CQ_* are',                            104],
  ['cq_off_resv1',        'u32', 'app',     'must be 0',                                        108],
  ['cq_off_user_addr',    'u64', 'app',     'memory for the rings, with NO_MMAP',               112],
])
