/**
 * Processors: which ones a thread may run on, and which belong to a NUMA node. Any thread; each call is about its own.
 *
 * A set is a list of processor numbers. Reading a thread's set requires FFI but no descriptor, for none may be left.
 * Counterpart: sched_setaffinity(2), and /sys/devices/system/node.
 */
import { join } from 'node:path'
import { builtin } from '../lib/builtin.js'
import { EINVAL, isShortage } from '../lib/errno.js'
import { libc } from './libc.js'
import { addressOf } from './memory.js'

/** As many as the kernel can be built for. */
const MAX_CPUS = 8192
const mask = new Uint8Array(MAX_CPUS / 8)

/** A list as Linux writes it: `0-3,8` is 0, 1, 2, 3, 8. */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first = Number.NaN, last = first] = part.split('-').map(Number)
      return Array.from({ length: last - first + 1 }, (_, i) => first + i)
    })
}

/** The processors that the calling thread may run on; undefined if the system does not report them. */
export function threadCpus(): number[] | undefined {
  mask.fill(0)
  const res = libc('sched_getaffinity')(0, mask.byteLength, addressOf(mask))
  return res < 0 ? undefined : cpusOfMask(mask)
}

/** Restricts the calling thread to some processors. Returns 0 or -errno: -EINVAL if it may run on none of them. */
export function setThreadCpus(cpus: readonly number[]): number {
  mask.fill(0)
  for (const cpu of cpus) {
    if (!Number.isInteger(cpu) || cpu < 0 || cpu >= MAX_CPUS) return -EINVAL
    mask[cpu >> 3] = mask[cpu >> 3]! | (1 << (cpu & 7))
  }
  return libc('sched_setaffinity')(0, mask.byteLength, addressOf(mask))
}

/** Whether the system allows the calling thread on some of these. */
export function mayRunOn(cpus: readonly number[]): boolean {
  const before = threadCpus()
  const res = setThreadCpus(cpus)
  if (before !== undefined) setThreadCpus(before)
  return res === 0
}

/** Those of `cpus` that this machine can have; all of them if sysfs does not list any. */
export function possibleOf(cpus: readonly number[]): readonly number[] {
  let possible: number[]
  try {
    possible = parseCpuList(builtin('node:fs').readFileSync('/sys/devices/system/cpu/possible', 'latin1'))
  } catch {
    return cpus
  }
  return cpus.filter((cpu) => possible.includes(cpu))
}

/** The processors in a mask of bits, the lowest first, as io_uring_register takes it. */
export function cpusOfMask(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.byteLength * 8 }, (_, cpu) => cpu).filter(
    (cpu) => (bytes[cpu >> 3]! & (1 << (cpu & 7))) !== 0,
  )
}

export interface NumaNode {
  readonly node: number
  readonly cpus: readonly number[]
}

export const SYSFS_NODES = '/sys/devices/system/node'

/**
 * The NUMA nodes that have processors, according to `folder` in sysfs; none if it is missing or unreadable. Throws
 * EMFILE, ENFILE or ENOMEM if it cannot be read now.
 */
export function numaNodes(folder = SYSFS_NODES): NumaNode[] {
  let names: string[]
  try {
    names = builtin('node:fs').readdirSync(folder)
  } catch (error) {
    if (isShortage(error)) throw error
    return []
  }
  return names
    .flatMap((name) => /^node(\d+)$/.exec(name)?.[1] ?? [])
    .map((node) => ({
      node: Number(node),
      cpus: parseCpuList(builtin('node:fs').readFileSync(join(folder, `node${node}`, 'cpulist'), 'latin1')),
    }))
    .filter(({ cpus }) => cpus.length > 0)
    .sort((a, b) => a.node - b.node)
}
