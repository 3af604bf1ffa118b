/**
 * What the kernel's io_uring takes at most and knows, of which its header says nothing. Any thread; no state.
 *
 * Counterpart: io_uring/io_uring.h and io_uring.c (IORING_MAX_ENTRIES, SQE_VALID_FLAGS), include/linux/fs.h (MAX_RW_COUNT),
 * include/linux/errno.h (ERESTARTSYS).
 */
import {
  IOSQE_ASYNC,
  IOSQE_BUFFER_SELECT,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_FIXED_FILE,
  IOSQE_IO_DRAIN,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from './constants.js'

export const IORING_MAX_ENTRIES = 32_768
export const IORING_MAX_CQ_ENTRIES = 2 * IORING_MAX_ENTRIES

/** What one call moves at most. */
export const MAX_RW_COUNT = 0x7fff_f000

/** Flags of an SQE that this version of io_uring knows. */
export const SQE_VALID_FLAGS =
  IOSQE_FIXED_FILE |
  IOSQE_IO_DRAIN |
  IOSQE_IO_LINK |
  IOSQE_IO_HARDLINK |
  IOSQE_ASYNC |
  IOSQE_BUFFER_SELECT |
  IOSQE_CQE_SKIP_SUCCESS
