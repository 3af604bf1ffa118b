/**
 * The completion queue entry as a table. The owner's thread posts CQEs; the app's thread reads them and gives them
 * back.
 *
 * With IORING_SETUP_CQE32, or in an entry marked IORING_CQE_F_32, two more u64 follow at 16 and 24. This file must
 * never hold anything that the kernel's header does not have. Counterpart: struct io_uring_cqe in
 * include/uapi/linux/io_uring.h.
 */
import { lazyStruct } from '../lib/layout.js'

// biome-ignore format: table
export const CQE = lazyStruct('io_uring_cqe', [
  //field       type   written by meaning                                           offset
  ['user_data', 'u64', 'owner',   'that of the SQE',                                0],
  ['res',       's32', 'owner',   'result, or a negated errno',                     8],
  ['flags',     'u32', 'owner',   'IORING_CQE_F_*; buffer id in the upper 16 bits', 12],
])
