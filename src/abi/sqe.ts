/**
 * The submission queue entry as a table. The app fills SQEs on its thread; the owner's thread reads them in prep.
 *
 * All names of one offset are a C union: the opcode decides which of them counts. With IORING_SETUP_SQE128 an entry is
 * twice this size and `cmd` extends to its end. This file must never hold a name or an offset that the kernel's header
 * does not have. Counterpart: struct io_uring_sqe in include/uapi/linux/io_uring.h.
 */
import { lazyStruct } from '../lib/layout.js'

// biome-ignore format: table
export const SQE = lazyStruct('io_uring_sqe', [
  //field              type      by     meaning                                                offset
  ['opcode',           'u8',     'app', 'IORING_OP_*',                                         0],
  ['flags',            'u8',     'app', 'IOSQE_*',                                             1],
  ['ioprio',           'u16',    'app', 'I/O priority; accept, send and recv keep flags here', 2],
  ['fd',               's32',    'app', 'file descriptor, or slot with IOSQE_FIXED_FILE',      4],
  ['off',              'u64',    'app', 'file offset; -1 is the position of the file itself',  8],
  ['addr2',            'u64',    'app', 'second address',                                      8],
  ['cmd_op',           'u32',    'app', 'command of URING_CMD',                                8],
  ['addr',             'u64',    'app', 'address of a buffer, iovecs, a path or a structure',  16],
  ['splice_off_in',    'u64',    'app', 'offset in the file spliced from',                     16],
  ['level',            'u32',    'app', 'socket option level',                                 16],
  ['optname',          'u32',    'app', 'socket option name',                                  20],
  ['len',              'u32',    'app', 'bytes, or number of iovecs',                          24],
  ['rw_flags',         'u32',    'app', 'RWF_*',                                               28],
  ['fsync_flags',      'u32',    'app', 'IORING_FSYNC_*',                                      28],
  ['poll_events',      'u16',    'app', 'poll mask, first 16 bits alone',                      28],
  ['poll32_events',    'u32',    'app', 'poll mask; halves swapped on big-endian machines',    28],
  ['sync_range_flags', 'u32',    'app', 'SYNC_FILE_RANGE_*',                                   28],
  ['msg_flags',        'u32',    'app', 'MSG_*',                                               28],
  ['timeout_flags',    'u32',    'app', 'IORING_TIMEOUT_*',                                    28],
  ['accept_flags',     'u32',    'app', 'SOCK_*',                                              28],
  ['cancel_flags',     'u32',    'app', 'IORING_ASYNC_CANCEL_*',                               28],
  ['open_flags',       'u32',    'app', 'O_*',                                                 28],
  ['statx_flags',      'u32',    'app', 'AT_*',                                                28],
  ['fadvise_advice',   'u32',    'app', 'POSIX_FADV_*, or MADV_*',                             28],
  ['splice_flags',     'u32',    'app', 'SPLICE_F_*',                                          28],
  ['rename_flags',     'u32',    'app', 'RENAME_*',                                            28],
  ['unlink_flags',     'u32',    'app', 'AT_REMOVEDIR or 0',                                   28],
  ['hardlink_flags',   'u32',    'app', 'AT_EMPTY_PATH, AT_SYMLINK_FOLLOW',                    28],
  ['xattr_flags',      'u32',    'app', 'XATTR_CREATE, XATTR_REPLACE',                         28],
  ['msg_ring_flags',   'u32',    'app', 'IORING_MSG_RING_*',                                   28],
  ['uring_cmd_flags',  'u32',    'app', 'IORING_URING_CMD_*',                                  28],
  ['waitid_flags',     'u32',    'app', 'must be 0',                                           28],
  ['futex_flags',      'u32',    'app', 'must be 0',                                           28],
  ['install_fd_flags', 'u32',    'app', 'IORING_FIXED_FD_*',                                   28],
  ['nop_flags',        'u32',    'app', 'IORING_NOP_*',                                        28],
  ['pipe_flags',       'u32',    'app', 'O_* of pipe2',                                        28],
  ['user_data',        'u64',    'app', 'copied to the CQE; never interpreted',                32],
  ['buf_index',        'u16',    'app', 'registered buffer',                                   40],
  ['buf_group',        'u16',    'app', 'bgid, with IOSQE_BUFFER_SELECT',                      40],
  ['personality',      'u16',    'app', 'registered credentials, or 0',                        42],
  ['splice_fd_in',     's32',    'app', 'file spliced from',                                   44],
  ['file_index',       'u32',    'app', 'direct descriptor: 0 none, slot + 1, or _ALLOC',      44],
  ['zcrx_ifq_idx',     'u32',    'app', 'zero-copy receive queue',                             44],
  ['optlen',           'u32',    'app', 'bytes at optval',                                     44],
  ['addr_len',         'u16',    'app', 'bytes of the socket address at addr2',                44],
  ['write_stream',     'u8',     'app', 'write stream of the block device',                    44],
  ['addr3',            'u64',    'app', 'third address',                                       48],
  ['attr_ptr',         'u64',    'app', 'address of the attributes of a read or write',        48],
  ['optval',           'u64',    'app', 'address of the socket option value',                  48],
  ['cmd',              'u8[16]', 'app', 'payload of URING_CMD',                                48],
  ['pad2',             'u64',    'app', 'must be 0',                                           56],
  ['attr_type_mask',   'u64',    'app', 'which attributes attr_ptr has',                       56],
])
