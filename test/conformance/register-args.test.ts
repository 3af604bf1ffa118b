/**
 * Arguments of io_uring_register that are missing, too short, too many: the backends answer alike, and nothing throws.
 * Main thread of a test file.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as abi from '../../src/abi/constants.js'
import { SYNC_CANCEL_REG } from '../../src/abi/structs.js'
import type { Syscalls } from '../../src/abi/syscalls.js'
import { EINVAL } from '../../src/lib/errno.js'
import { queueInit } from '../../src/ring/ring.js'
import { libc } from '../../src/sys/libc.js'
import { backends } from './backends.js'
import { named } from './cqes.js'
import { REGISTERS } from './skips.js'

const [kernel, threads] = backends
const skip = kernel!.missing ?? threads!.missing ?? false

/** Views of so many bytes; none at all for -1. */
const LENGTHS = [-1, 0, 1, 3, 4, 7, 8, 15, 16, 24, 63, 64, 400, 2064]
const COUNTS = [0, 1, 2, 3, 8, 256, 257, 0xffff_ffff]
/** A whole mask for any machine, and less of it: how much of a long one is read depends on the kernel. */
const isMachines = (opcode: number, length: number, count: number) =>
  opcode === abi.IORING_REGISTER_IOWQ_AFF && length >= 8 && count > length

function answers(syscalls: Syscalls, opcode: number, fill: number): string[] {
  const found: string[] = []
  for (const length of LENGTHS) {
    for (const count of COUNTS) {
      if (isMachines(opcode, length, count)) continue
      const ring = queueInit(syscalls, 4)
      const arg = length < 0 ? null : new Uint8Array(length).fill(fill)
      const res = ring.register(opcode, arg, count)
      // Whatever worked is taken back.
      if (res >= 0) syscalls.register(ring.fd, abi.IORING_UNREGISTER_IOWQ_AFF, null, 0)
      ring.queueExit()
      found.push(`${length} bytes, ${count}: ${named(res)}`)
    }
  }
  return found
}

for (const opcode of REGISTERS.threads!) {
  test(`${abi.REGISTER_NAMES[opcode]} answers alike for odd arguments`, { skip }, () => {
    for (const fill of [0, 0xff]) {
      assert.deepEqual(
        answers(threads!.syscalls!, opcode, fill),
        answers(kernel!.syscalls!, opcode, fill),
        `of ${fill}`,
      )
    }
  })
}

test('the structure of a cancel may lie at the end of what is readable', { skip }, () => {
  for (const { syscalls } of [kernel!, threads!]) {
    const ring = queueInit(syscalls!, 4)
    const whole = new Uint8Array(SYNC_CANCEL_REG.size)
    const lengths = [whole.length, whole.length - 1].map((n) =>
      ring.register(abi.IORING_REGISTER_SYNC_CANCEL, whole.subarray(0, n), 1),
    )
    assert.deepEqual(lengths.map(named), ['-ENOENT', '-EFAULT'])
    ring.queueExit()
  }
})

test('an opcode that threads do not have is refused, whatever comes with it', {
  skip: threads!.missing ?? false,
}, () => {
  for (let opcode = 0; opcode < 64; opcode++) {
    if (REGISTERS.threads!.has(opcode)) continue
    for (const line of answers(threads!.syscalls!, opcode, 0)) assert.match(line, new RegExp(`: ${named(-EINVAL)}$`))
  }
})

test('the kernel reads and writes no byte beyond an argument', { skip: kernel!.missing ?? false }, () => {
  const fds = () => libc('eventfd')(0, 0)
  const ring = queueInit(kernel!.syscalls!, 4)
  const memory = new Uint8Array(64).fill(7)
  const fd = fds()
  new DataView(memory.buffer).setInt32(0, fd, true)
  for (const length of [1, 2, 3]) {
    assert.equal(named(ring.register(abi.IORING_REGISTER_EVENTFD, memory.subarray(0, length), 1)), '-EFAULT')
  }
  const limits = memory.subarray(0, 7).fill(0)
  assert.equal(named(ring.register(abi.IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2)), '-EFAULT')
  assert.ok(memory.subarray(7).every((byte) => byte === 7))
  libc('close')(fd)
  ring.queueExit()
})
