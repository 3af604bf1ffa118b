/**
 * The other structures of a ring's system calls, as tables. The app's thread fills them and reads the answers.
 *
 * First come those of enter and register, then those that operations point to. A struct inside another is laid flat:
 * timeout_tv_sec is C's timeout.tv_sec. This file must never hold a structure of our own. Counterpart: the structs of
 * the same names in include/uapi/linux: io_uring.h, io_uring/query.h, time_types.h, stat.h, openat2.h and uio.h.
 */
import { lazyStruct } from '../lib/layout.js'

// biome-ignore format: table
export const GETEVENTS_ARG = lazyStruct('io_uring_getevents_arg', [
  //field           type   written by meaning                                                 offset
  ['sigmask',       'u64', 'app',     'address of the signal mask, or 0',                     0],
  ['sigmask_sz',    'u32', 'app',     'bytes of the signal mask',                             8],
  ['min_wait_usec', 'u32', 'app',     'until then wait for all asked for, later for any one', 12],
  ['ts',            'u64', 'app',     'address of a timespec, or 0',                          16],
])

// biome-ignore format: table
export const REG_WAIT = lazyStruct('io_uring_reg_wait', [
  //field           type      written by meaning                                                 offset
  ['ts_tv_sec',     's64',    'app',     'seconds to wait',                                      0],
  ['ts_tv_nsec',    's64',    'app',     'and nanoseconds',                                      8],
  ['min_wait_usec', 'u32',    'app',     'until then wait for all asked for, later for any one', 16],
  ['flags',         'u32',    'app',     'IORING_REG_WAIT_TS: ts is set',                        20],
  ['sigmask',       'u64',    'app',     'address of the signal mask, or 0',                     24],
  ['sigmask_sz',    'u32',    'app',     'bytes of the signal mask',                             32],
  ['pad',           'u32[3]', 'app',     'must be 0',                                            36],
  ['pad2',          'u32[4]', 'app',     'must be 0',                                            48],
])

// biome-ignore format: table
export const SYNC_CANCEL_REG = lazyStruct('io_uring_sync_cancel_reg', [
  //field             type      written by meaning                                     offset
  ['addr',            'u64',    'app',     'user_data to match',                       0],
  ['fd',              's32',    'app',     'file to match',                            8],
  ['flags',           'u32',    'app',     'IORING_ASYNC_CANCEL_*',                    12],
  ['timeout_tv_sec',  's64',    'app',     'seconds; -1 in both words waits for ever', 16],
  ['timeout_tv_nsec', 's64',    'app',     'and nanoseconds',                          24],
  ['opcode',          'u8',     'app',     'opcode to match',                          32],
  ['pad',             'u8[7]',  'app',     'must be 0',                                33],
  ['pad2',            'u32[6]', 'app',     'must be 0',                                40],
])

// biome-ignore format: table
export const RSRC_REGISTER = lazyStruct('io_uring_rsrc_register', [
  //field   type   written by meaning                                    offset
  ['nr',    'u32', 'app',     'how many files or buffers',               0],
  ['flags', 'u32', 'app',     'IORING_RSRC_REGISTER_SPARSE',             4],
  ['resv2', 'u64', 'app',     'must be 0',                               8],
  ['data',  'u64', 'app',     'address of fds or iovecs; 0 when sparse', 16],
  ['tags',  'u64', 'app',     'address of one u64 tag for each, or 0',   24],
])

// biome-ignore format: table
export const RSRC_UPDATE = lazyStruct('io_uring_rsrc_update', [
  //field    type   written by meaning                                          offset
  ['offset', 'u32', 'app',     'first slot; ring fds: slot of this one, or -1', 0],
  ['resv',   'u32', 'app',     'must be 0',                                     4],
  ['data',   'u64', 'app',     'address of fds; ring fds: the fd itself',       8],
])

// biome-ignore format: table
export const RSRC_UPDATE2 = lazyStruct('io_uring_rsrc_update2', [
  //field    type   written by meaning                                  offset
  ['offset', 'u32', 'app',     'first slot',                            0],
  ['resv',   'u32', 'app',     'must be 0',                             4],
  ['data',   'u64', 'app',     'address of fds or iovecs',              8],
  ['tags',   'u64', 'app',     'address of one u64 tag for each, or 0', 16],
  ['nr',     'u32', 'app',     'how many slots',                        24],
  ['resv2',  'u32', 'app',     'must be 0',                             28],
])

// biome-ignore format: table
export const BUF_REG = lazyStruct('io_uring_buf_reg', [
  //field          type      written by meaning                                                 offset
  ['ring_addr',    'u64',    'app',     'memory of the buffer ring, 0 with IOU_PBUF_RING_MMAP', 0],
  ['ring_entries', 'u32',    'app',     'a power of two below 65536',                           8],
  ['bgid',         'u16',    'app',     'buffer group',                                         12],
  ['flags',        'u16',    'app',     'IOU_PBUF_RING_*',                                      14],
  ['min_left',     'u32',    'app',     'with INC, a rest of fewer bytes is skipped; or 0',       16],
  ['resv',         'u32[5]', 'app',     'must be 0',                                            20],
])

// biome-ignore format: table
export const BUF = lazyStruct('io_uring_buf', [
  //field  type   written by meaning                                                     offset
  ['addr', 'u64', 'app',     'address of the buffer',                                    0],
  ['len',  'u32', 'app',     'its bytes',                                                8],
  ['bid',  'u16', 'app',     'buffer id',                                                12],
  ['resv', 'u16', 'app',     'in entry 0 the tail of the ring; elsewhere ignored',       14],
])

// biome-ignore format: table
export const RESTRICTION = lazyStruct('io_uring_restriction', [
  //field         type      written by meaning                           offset
  ['opcode',      'u16',    'app',     'IORING_RESTRICTION_*',           0],
  ['register_op', 'u8',     'app',     'register opcode to allow',       2],
  ['sqe_op',      'u8',     'app',     'SQE opcode to allow',            2],
  ['sqe_flags',   'u8',     'app',     'IOSQE_* to allow or to require', 2],
  ['resv',        'u8',     'app',     'must be 0',                      3],
  ['resv2',       'u32[3]', 'app',     'must be 0',                      4],
])

// biome-ignore format: table
export const PROBE = lazyStruct('io_uring_probe', [
  //field     type      written by meaning                     offset
  ['last_op', 'u8',     'kernel',  'highest opcode known',     0],
  ['ops_len', 'u8',     'kernel',  'how many PROBE_OP follow', 1],
  ['resv',    'u16',    'app',     'must be 0',                2],
  ['resv2',   'u32[3]', 'app',     'must be 0',                4],
])

// biome-ignore format: table
export const PROBE_OP = lazyStruct('io_uring_probe_op', [
  //field   type   written by meaning                  offset
  ['op',    'u8',  'kernel',  'opcode',                0],
  ['resv',  'u8',  'app',     'must be 0',             1],
  ['flags', 'u16', 'kernel',  'IO_URING_OP_SUPPORTED', 2],
  ['resv2', 'u32', 'app',     'must be 0',             4],
])

// biome-ignore format: table
export const FILE_INDEX_RANGE = lazyStruct('io_uring_file_index_range', [
  //field  type   written by meaning                                          offset
  ['off',  'u32', 'app',     'first slot that IORING_FILE_INDEX_ALLOC takes', 0],
  ['len',  'u32', 'app',     'how many slots it may take',                    4],
  ['resv', 'u64', 'app',     'must be 0',                                     8],
])

// biome-ignore format: table
export const BUF_STATUS = lazyStruct('io_uring_buf_status', [
  //field       type      written by meaning                                    offset
  ['buf_group', 'u32',    'app',     'buffer group of the ring asked about',    0],
  ['head',      'u32',    'kernel',  'next entry that will be taken',           4],
  ['resv',      'u32[8]', 'app',     'must be 0',                               8],
])

// biome-ignore format: table
export const CLONE_BUFFERS = lazyStruct('io_uring_clone_buffers', [
  //field     type      written by meaning                                                        offset
  ['src_fd',  'u32',    'app',     'ring to take from; its index with REGISTER_SRC_REGISTERED',   0],
  ['flags',   'u32',    'app',     'IORING_REGISTER_SRC_REGISTERED, _DST_REPLACE',                4],
  ['src_off', 'u32',    'app',     'first buffer to take',                                        8],
  ['dst_off', 'u32',    'app',     'where it goes',                                               12],
  ['nr',      'u32',    'app',     'how many; 0 is all',                                          16],
  ['pad',     'u32[3]', 'app',     'must be 0',                                                   20],
])

// biome-ignore format: table
export const CLOCK_REGISTER = lazyStruct('io_uring_clock_register', [
  //field     type      written by meaning                            offset
  ['clockid', 'u32',    'app',     'CLOCK_MONOTONIC, CLOCK_BOOTTIME', 0],
  ['resv',    'u32[3]', 'app',     'must be 0',                       4],
])

// biome-ignore format: table
export const NAPI = lazyStruct('io_uring_napi', [
  //field              type    written by meaning                                                      offset
  ['busy_poll_to',     'u32',   'app',     'microseconds to poll busily; comes back as it was before', 0],
  ['prefer_busy_poll', 'u8',    'app',     '1 to prefer it to interrupts; comes back too',             4],
  ['opcode',           'u8',    'app',     'IO_URING_NAPI_*_OP or _ID',                                5],
  ['pad',              'u8[2]', 'app',     'must be 0',                                                6],
  ['op_param',         'u32',   'app',     'IO_URING_NAPI_TRACKING_*, or the NAPI id',                 8],
  ['resv',             'u32',   'app',     'must be 0',                                                12],
])

// biome-ignore format: table
export const QUERY_HDR = lazyStruct('io_uring_query_hdr', [
  //field        type      written by meaning                                         offset
  ['next_entry', 'u64',    'app',     'address of another query, or 0',               0],
  ['query_data', 'u64',    'app',     'address of where the answer goes',             8],
  ['query_op',   'u32',    'app',     'IO_URING_QUERY_*',                             16],
  ['size',       'u32',    'app',     'room there; comes back as what was written',   20],
  ['result',     's32',    'kernel',  '0, or -errno of this query',                   24],
  ['resv',       'u32[3]', 'app',     'must be 0',                                    28],
])

// biome-ignore format: table
export const QUERY_OPCODE = lazyStruct('io_uring_query_opcode', [
  //field                type   written by meaning                                     offset
  ['nr_request_opcodes', 'u32', 'kernel',  'operations there are, IORING_OP_*',        0],
  ['nr_register_opcodes', 'u32', 'kernel', 'register calls there are',                 4],
  ['feature_flags',      'u64', 'kernel',  'IORING_FEAT_*',                            8],
  ['ring_setup_flags',   'u64', 'kernel',  'IORING_SETUP_*',                           16],
  ['enter_flags',        'u64', 'kernel',  'IORING_ENTER_*',                           24],
  ['sqe_flags',          'u64', 'kernel',  'IOSQE_*',                                  32],
  ['nr_query_opcodes',   'u32', 'kernel',  'queries there are (not on 6.18: 0)',       40],
  ['pad',                'u32', 'kernel',  '0',                                        44],
])

// biome-ignore format: table
export const KERNEL_TIMESPEC = lazyStruct('__kernel_timespec', [
  //field     type   written by meaning        offset
  ['tv_sec',  's64', 'app',     'seconds',     0],
  ['tv_nsec', 's64', 'app',     'nanoseconds', 8],
])

// biome-ignore format: table
export const IOVEC = lazyStruct('iovec', [
  //field      type   written by meaning                  offset
  ['iov_base', 'u64', 'app',     'address of the buffer', 0],
  ['iov_len',  'u64', 'app',     'its bytes',             8],
])

// biome-ignore format: table
export const OPEN_HOW = lazyStruct('open_how', [
  //field     type   written by meaning                           offset
  ['flags',   'u64', 'app',     'O_*',                            0],
  ['mode',    'u64', 'app',     'mode of a file created, else 0', 8],
  ['resolve', 'u64', 'app',     'RESOLVE_*',                      16],
])

// biome-ignore format: table
export const STATX_TIMESTAMP = lazyStruct('statx_timestamp', [
  //field      type   written by meaning                                offset
  ['tv_sec',   's64', 'kernel',  'seconds since 1970, negative before', 0],
  ['tv_nsec',  'u32', 'kernel',  'nanoseconds to add',                  8],
  ['reserved', 's32', 'kernel',  '0',                                   12],
])

// biome-ignore format: table
export const STATX = lazyStruct('statx', [
  //field                           type       written by meaning                                       offset
  ['stx_mask',                      'u32',     'kernel',  'STATX_*: which fields are filled in',        0],
  ['stx_blksize',                   'u32',     'kernel',  'preferred size of a read or write',          4],
  ['stx_attributes',                'u64',     'kernel',  'STATX_ATTR_*',                               8],
  ['stx_nlink',                     'u32',     'kernel',  'hard links',                                 16],
  ['stx_uid',                       'u32',     'kernel',  'owning user',                                20],
  ['stx_gid',                       'u32',     'kernel',  'owning group',                               24],
  ['stx_mode',                      'u16',     'kernel',  'type and permissions',                       28],
  ['spare0',                        'u16',     'kernel',  '0',                                          30],
  ['stx_ino',                       'u64',     'kernel',  'inode number',                               32],
  ['stx_size',                      'u64',     'kernel',  'bytes',                                      40],
  ['stx_blocks',                    'u64',     'kernel',  'blocks of 512 bytes in use',                 48],
  ['stx_attributes_mask',           'u64',     'kernel',  'attributes that this file system knows',     56],
  ['stx_atime_tv_sec',              's64',     'kernel',  'last access',                                64],
  ['stx_atime_tv_nsec',             'u32',     'kernel',  'and nanoseconds',                            72],
  ['stx_btime_tv_sec',              's64',     'kernel',  'creation',                                   80],
  ['stx_btime_tv_nsec',             'u32',     'kernel',  'and nanoseconds',                            88],
  ['stx_ctime_tv_sec',              's64',     'kernel',  'last change of the inode',                   96],
  ['stx_ctime_tv_nsec',             'u32',     'kernel',  'and nanoseconds',                            104],
  ['stx_mtime_tv_sec',              's64',     'kernel',  'last change of the contents',                112],
  ['stx_mtime_tv_nsec',             'u32',     'kernel',  'and nanoseconds',                            120],
  ['stx_rdev_major',                'u32',     'kernel',  'device that this special file is',           128],
  ['stx_rdev_minor',                'u32',     'kernel',  'minor number',                               132],
  ['stx_dev_major',                 'u32',     'kernel',  'device that the file is on',                 136],
  ['stx_dev_minor',                 'u32',     'kernel',  'minor number',                               140],
  ['stx_mnt_id',                    'u64',     'kernel',  'mount',                                      144],
  ['stx_dio_mem_align',             'u32',     'kernel',  'direct I/O: alignment of the buffer',        152],
  ['stx_dio_offset_align',          'u32',     'kernel',  'direct I/O: alignment of the file offset',   156],
  ['stx_subvol',                    'u64',     'kernel',  'subvolume',                                  160],
  ['stx_atomic_write_unit_min',     'u32',     'kernel',  'atomic writes: fewest bytes',                168],
  ['stx_atomic_write_unit_max',     'u32',     'kernel',  'atomic writes: most bytes',                  172],
  ['stx_atomic_write_segments_max', 'u32',     'kernel',  'atomic writes: most iovecs',                 176],
  ['stx_dio_read_offset_align',     'u32',     'kernel',  'direct reads: alignment of the file offset', 180],
  ['stx_atomic_write_unit_max_opt', 'u32',     'kernel',  'atomic writes: most bytes at full speed',    184],
  ['spare2',                        'u32',     'kernel',  '0',                                          188],
  ['spare3',                        'u32[16]', 'kernel',  '0',                                          192],
])
