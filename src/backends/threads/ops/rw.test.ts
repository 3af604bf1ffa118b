/**
 * The part of a transfer that a worker makes, where the owner has moved the beginning: the rest, from where it stands, and the
 * sum of both. Main thread, in the place of a worker.
 */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { IORING_OP_READ, IORING_OP_READV, IORING_OP_WRITE, IORING_OP_WRITEV } from '../../../abi/constants.js'
import { ECANCELED } from '../../../lib/errno.js'
import { addressOf } from '../../../sys/memory.js'
import { REQ, REQ_F_ISREG } from '../state/layout.js'
import * as req from '../state/req.js'
import { readIssue, writeIssue } from './rw.js'

const folder = mkdtempSync(join(tmpdir(), 'uring-rw-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const path = join(folder, 'file')

const TEXT = 'abcdefghijklmnop'
/** Of three pieces, so that what was moved ends within each and between them. */
const PIECES = [3, 5, 4]
const LENGTH = 12

interface Transfer {
  readonly opcode: number
  readonly off: number
  readonly done: number
  readonly cancelled?: boolean
}

/** Makes a transfer of 12 bytes from or to `pieces` of which `done` were moved. */
function issue(fd: number, pieces: readonly Uint8Array[], { opcode, off, done, cancelled = false }: Transfer): number {
  const words = new Int32Array(REQ.size >> 2)
  const vecs = new BigUint64Array(pieces.flatMap((piece) => [BigInt(addressOf(piece)), BigInt(piece.length)]))
  const isVectored = opcode === IORING_OP_READV || opcode === IORING_OP_WRITEV
  words[req.R_OPCODE] = opcode
  words[req.R_HELD_FD] = fd
  words[req.R_REQ_FLAGS] = REQ_F_ISREG
  words[req.R_OFF] = off
  words[req.R_OFF + 1] = off < 0 ? -1 : 0
  words[req.R_LEN] = isVectored ? pieces.length : LENGTH
  words[req.R_TOTAL] = LENGTH
  words[req.R_DONE] = done
  req.setAddr(words, 0, isVectored ? addressOf(vecs) : addressOf(pieces[0]!))
  const env = { words, cancelled: () => cancelled, sleeping() {}, running() {} }
  const isRead = opcode === IORING_OP_READ || opcode === IORING_OP_READV
  const res = (isRead ? readIssue : writeIssue)(env, 0)
  // Alive until here.
  assert.equal(vecs.length, 2 * pieces.length)
  return res
}

function withFile(text: string, use: (fd: number) => void): void {
  writeFileSync(path, text)
  const fd = openSync(path, 'r+')
  use(fd)
  closeSync(fd)
}

/** In memory of its own, cut into the lengths. */
function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  let at = 0
  return lengths.map((length) => {
    at += length
    return bytes.subarray(at - length, at)
  })
}

const KINDS = [
  { reads: IORING_OP_READ, writes: IORING_OP_WRITE, lengths: [LENGTH] },
  { reads: IORING_OP_READV, writes: IORING_OP_WRITEV, lengths: PIECES },
]

for (const { reads, writes, lengths } of KINDS) {
  for (let done = 0; done < LENGTH; done++) {
    test(`a read into ${lengths.length} buffers goes on behind ${done} bytes`, () => {
      withFile(TEXT, (fd) => {
        const bytes = new Uint8Array(LENGTH).fill(46)
        const res = issue(fd, cut(bytes, lengths), { opcode: reads, off: 2, done })
        assert.equal(Buffer.from(bytes).toString(), '.'.repeat(done) + TEXT.slice(2 + done, 2 + LENGTH))
        assert.equal(res, LENGTH)
      })
    })

    test(`a write from ${lengths.length} buffers goes on behind ${done} bytes`, () => {
      withFile('.'.repeat(16), (fd) => {
        const bytes = new Uint8Array(Buffer.from('ABCDEFGHIJKL'))
        assert.equal(issue(fd, cut(bytes, lengths), { opcode: writes, off: 2, done }), LENGTH)
        const text = '.'.repeat(2 + done) + 'ABCDEFGHIJKL'.slice(done)
        assert.equal(readFileSync(path, 'latin1'), text.padEnd(16, '.'))
      })
    })
  }
}

test('one that meets the end of the file tells of both parts, at the position of the file too', () => {
  withFile(TEXT.slice(0, 4), (fd) => {
    for (const off of [0, -1]) {
      const bytes = new Uint8Array(LENGTH)
      assert.equal(issue(fd, [bytes], { opcode: IORING_OP_READ, off, done: 3 }), off < 0 ? 3 + 4 : 3 + 1)
    }
  })
})

test('one that is cancelled tells what was moved, and -ECANCELED if that was nothing', () => {
  withFile(TEXT, (fd) => {
    for (const [done, res] of [
      [5, 5],
      [0, -ECANCELED],
    ] as const) {
      const bytes = new Uint8Array(LENGTH)
      assert.equal(issue(fd, [bytes], { opcode: IORING_OP_READ, off: 0, done, cancelled: true }), res)
    }
  })
})
