/**
 * Prep functions: which field each argument lands in. Main thread.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as abi from '../abi/constants.js'
import { SQE } from '../abi/sqe.js'
import * as prep from './prep.js'
import { SQ_FULL } from './sq.js'

/** Addresses above 2^32, and an offset above 2^32. */
const ADDRESS = 0x7f12_3456_7890
const OFFSET = 3 * 2 ** 40 + 5

/** The fields that are not 0 once `fill` has filled the second SQE of two; the first must stay untouched. */
function fieldsOf(fill: (words: Int32Array, at: number) => void): Record<string, number> {
  const words = new Int32Array(32)
  fill(words, 16)
  assert.ok(words.subarray(0, 16).every((word) => word === 0))
  const view = new DataView(words.buffer, SQE.size)
  const u64 = (offset: number) => Number(view.getBigInt64(offset, true))
  const { at } = SQE
  const fields = {
    opcode: view.getUint8(at.opcode),
    flags: view.getUint8(at.flags),
    ioprio: view.getUint16(at.ioprio, true),
    fd: view.getInt32(at.fd, true),
    off: u64(at.off),
    addr: u64(at.addr),
    len: view.getUint32(at.len, true),
    op_flags: view.getUint32(at.rw_flags, true),
    user_data: view.getBigUint64(at.user_data, true).toString(16),
    buf_index: view.getUint16(at.buf_index, true),
    personality: view.getUint16(at.personality, true),
    file_index: view.getUint32(at.file_index, true),
    addr3: u64(at.addr3),
    pad2: u64(at.pad2),
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== 0 && value !== '0')) as Record<
    string,
    number
  >
}

test('read and write', () => {
  assert.deepEqual(
    fieldsOf((w, at) => prep.prepRead(w, at, 5, ADDRESS, 100, OFFSET)),
    { opcode: abi.IORING_OP_READ, fd: 5, addr: ADDRESS, len: 100, off: OFFSET },
  )
  assert.deepEqual(
    fieldsOf((w, at) => prep.prepWrite(w, at, 5, ADDRESS, 100, -1)),
    { opcode: abi.IORING_OP_WRITE, fd: 5, addr: ADDRESS, len: 100, off: -1 },
  )
})

test('readv and writev', () => {
  assert.deepEqual(
    fieldsOf((w, at) => prep.prepReadv(w, at, 5, ADDRESS, 3, OFFSET, 8)),
    { opcode: abi.IORING_OP_READV, fd: 5, addr: ADDRESS, len: 3, off: OFFSET, op_flags: 8 },
  )
  assert.deepEqual(
    fieldsOf((w, at) => prep.prepWritev(w, at, 5, ADDRESS, 3, -1)),
    { opcode: abi.IORING_OP_WRITEV, fd: 5, addr: ADDRESS, len: 3, off: -1 },
  )
})

test('openat, close, statx and fsync', () => {
  assert.deepEqual(
    fieldsOf((w, at) => prep.prepOpenat(w, at, abi.AT_FDCWD, ADDRESS, abi.O_CREAT, 0o644)),
    { opcode: abi.IORING_OP_OPENAT, fd: -100, addr: ADDRESS, len: 0o644, op_flags: abi.O_CREAT },
  )
  assert.deepEqual(
    fieldsOf((w, at) => prep.prepClose(w, at, 7)),
    { opcode: abi.IORING_OP_CLOSE, fd: 7 },
  )
  assert.deepEqual(
    fieldsOf((w, at) => prep.prepStatx(w, at, 4, ADDRESS, abi.AT_EMPTY_PATH, 0x7ff, ADDRESS + 8)),
    {
      opcode: abi.IORING_OP_STATX,
      fd: 4,
      addr: ADDRESS,
      len: 0x7ff,
      op_flags: abi.AT_EMPTY_PATH,
      off: ADDRESS + 8,
    },
  )
  assert.deepEqual(
    fieldsOf((w, at) => prep.prepFsync(w, at, 7, abi.IORING_FSYNC_DATASYNC)),
    { opcode: abi.IORING_OP_FSYNC, fd: 7, op_flags: 1 },
  )
})

/** Every field that an operation fills, with a value of its own in each; the kernel's bodies show that they are meant. */
const FAMILIES: readonly (readonly [name: string, fill: (w: Int32Array, at: number) => void, fields: object])[] = [
  [
    'timeout',
    (w, at) => prep.prepTimeout(w, at, ADDRESS, 3, 1),
    { opcode: abi.IORING_OP_TIMEOUT, fd: -1, addr: ADDRESS, len: 1, off: 3, op_flags: 1 },
  ],
  [
    'timeout update',
    (w, at) => prep.prepTimeoutUpdate(w, at, ADDRESS, 7, 1, 1),
    { opcode: abi.IORING_OP_TIMEOUT_REMOVE, fd: -1, addr: 2 ** 32 + 7, off: ADDRESS, op_flags: 3 },
  ],
  [
    'poll update',
    (w, at) => prep.prepPollUpdate(w, at, 5, 1, 6, 2, 0x8000_0001, 3),
    {
      opcode: abi.IORING_OP_POLL_REMOVE,
      fd: -1,
      addr: 2 ** 32 + 5,
      off: 2 * 2 ** 32 + 6,
      op_flags: 0x8000_0001,
      len: 3,
    },
  ],
  [
    'splice from a pipe',
    (w, at) => prep.prepSplice(w, at, 4, -1, 5, OFFSET, 100, abi.SPLICE_F_FD_IN_FIXED),
    {
      opcode: abi.IORING_OP_SPLICE,
      fd: 5,
      addr: -1,
      off: OFFSET,
      len: 100,
      op_flags: 0x8000_0000,
      file_index: 4,
    },
  ],
  [
    'openat2 into a slot',
    (w, at) => prep.prepOpenat2Direct(w, at, 4, ADDRESS, ADDRESS + 8, 6),
    { opcode: abi.IORING_OP_OPENAT2, fd: 4, addr: ADDRESS, len: 24, off: ADDRESS + 8, file_index: 7 },
  ],
  [
    'a slot to be chosen',
    (w, at) => prep.prepCloseDirect(w, at, abi.IORING_FILE_INDEX_ALLOC),
    { opcode: abi.IORING_OP_CLOSE, file_index: 0xffff_ffff },
  ],
  [
    'a read into a registered buffer, under a personality',
    (w, at) => {
      prep.prepReadFixed(w, at, 5, ADDRESS, 100, -1, 0x8001)
      prep.setPersonality(w, at, 9)
    },
    {
      opcode: abi.IORING_OP_READ_FIXED,
      fd: 5,
      addr: ADDRESS,
      len: 100,
      off: -1,
      buf_index: 0x8001,
      personality: 9,
    },
  ],
  [
    'fadvise of few and of many bytes',
    (w, at) => prep.prepFadvise(w, at, 5, OFFSET, 5 * 2 ** 32, 3),
    { opcode: abi.IORING_OP_FADVISE, fd: 5, addr: 5 * 2 ** 32, off: OFFSET, op_flags: 3 },
  ],
  [
    'a message with a file',
    (w, at) => prep.prepMsgRingFd(w, at, 5, 3, 4, 7, 1, 1),
    {
      opcode: abi.IORING_OP_MSG_RING,
      fd: 5,
      addr: abi.IORING_MSG_SEND_FD,
      off: 2 ** 32 + 7,
      addr3: 3,
      file_index: 5,
      op_flags: 1,
    },
  ],
  [
    'a socket command',
    (w, at) => prep.prepCmdSock(w, at, 2, 5, 6, 7, ADDRESS, 8),
    {
      opcode: abi.IORING_OP_URING_CMD,
      fd: 5,
      off: 2,
      addr: 7 * 2 ** 32 + 6,
      addr3: ADDRESS,
      file_index: 8,
    },
  ],
  [
    'a zero-copy send to an address',
    (w, at) => {
      prep.prepSendZc(w, at, 5, ADDRESS, 9, 2, 8)
      prep.prepSendSetAddr(w, at, ADDRESS + 8, 16)
    },
    {
      opcode: abi.IORING_OP_SEND_ZC,
      fd: 5,
      addr: ADDRESS,
      len: 9,
      op_flags: 2,
      ioprio: 8,
      off: ADDRESS + 8,
      file_index: 16,
    },
  ],
  [
    'a wait for a child',
    (w, at) => prep.prepWaitid(w, at, 1, 77, ADDRESS, 4),
    { opcode: abi.IORING_OP_WAITID, fd: 77, len: 1, off: ADDRESS, file_index: 4 },
  ],
  [
    'a futex',
    (w, at) => prep.prepFutexWait(w, at, ADDRESS, 5, 0xffff_ffff, 0x82),
    { opcode: abi.IORING_OP_FUTEX_WAIT, fd: 0x82, addr: ADDRESS, off: 5, addr3: 0xffff_ffff },
  ],
  [
    'a multishot read',
    (w, at) => prep.prepReadMultishot(w, at, 5, 100, -1, 3),
    {
      opcode: abi.IORING_OP_READ_MULTISHOT,
      flags: abi.IOSQE_BUFFER_SELECT,
      fd: 5,
      len: 100,
      off: -1,
      buf_index: 3,
    },
  ],
]

for (const [name, fill, fields] of FAMILIES) {
  test(`fields of ${name}`, () => {
    assert.deepEqual(fieldsOf(fill), fields)
  })
}

test('cancel takes both words of its key', () => {
  const fields = fieldsOf((w, at) => prep.prepCancel64(w, at, 0x89abcdef | 0, 0x01234567, 1))
  assert.deepEqual(fields, {
    opcode: abi.IORING_OP_ASYNC_CANCEL,
    fd: -1,
    addr: Number(0x0123_4567_89ab_cdefn),
    op_flags: 1,
  })
})

test('a NOP and its injected result', () => {
  assert.deepEqual(
    fieldsOf((w, at) => prep.prepNop(w, at)),
    { fd: -1 },
  )
  assert.deepEqual(
    fieldsOf((w, at) => prep.prepNop(w, at, 1, -5)),
    { fd: -1, op_flags: 1, len: 0xffff_fffb },
  )
})

test('what is common to all requests does not disturb the rest', () => {
  const fields = fieldsOf((w, at) => {
    prep.prepRead(w, at, 5, ADDRESS, 100, 0)
    prep.setUserData(w, at, -1, 0x1234)
    prep.setFlags(w, at, abi.IOSQE_IO_LINK)
    prep.setIoprio(w, at, 0xabcd)
    prep.setFlags(w, at, abi.IOSQE_ASYNC)
    prep.setPersonality(w, at, 0x8001)
    prep.setOpFlags(w, at, 0x8000_0000)
    prep.setTargetFixedFile(w, at, abi.IORING_FILE_INDEX_ALLOC)
  })
  assert.deepEqual(fields, {
    opcode: abi.IORING_OP_READ,
    flags: abi.IOSQE_IO_LINK | abi.IOSQE_ASYNC,
    ioprio: 0xabcd,
    fd: 5,
    addr: ADDRESS,
    len: 100,
    op_flags: 0x8000_0000,
    user_data: '1234ffffffff',
    personality: 0x8001,
    file_index: 0xffff_ffff,
  })
})

test('every operation of Linux 6.18 has a prep function', () => {
  const opcodes = new Set<number>()
  for (const [name, prepare] of Object.entries(prep)) {
    if (!name.startsWith('prep') || name === 'prepRw' || name === 'prepSendSetAddr') continue
    const words = new Int32Array(16)
    const fill = prepare as (words: Int32Array, at: number, ...rest: number[]) => void
    fill(words, 0, ...new Array<number>(8).fill(0))
    opcodes.add(words[0]! & 0xff)
  }
  const missing = abi.OPCODE_NAMES.filter((_, opcode) => opcode < abi.IORING_OP_LAST && !opcodes.has(opcode))
  assert.deepEqual(missing, [])
})

test('nothing is prepared where no SQE begins', () => {
  const functions = Object.entries(prep) as [string, (words: Int32Array, at: number, ...args: number[]) => void][]
  assert.ok(functions.length > 90, `${functions.length} functions`)
  for (const [name, fill] of functions) {
    for (const [entries, at] of [
      [2, SQ_FULL],
      [2, 32],
      [2, Number.NaN],
      [0, 0], // of a closed ring
    ] as const) {
      const words = new Int32Array(entries * 16)
      assert.throws(() => fill(words, at, 1, 1, 1, 1, 1, 1, 1, 1), { code: 'ERR_OUT_OF_RANGE' }, `${name} at ${at}`)
      assert.ok(
        words.every((word) => word === 0),
        `${name} wrote`,
      )
    }
  }
})
