/**
 * The number and the processors of the workers of a thread's rings. Runs on the thread that made the ring.
 *
 * Limits and affinity belong to the thread's io-wq, which all its rings share. Counterpart:
 * io_uring_register_iowq_max_workers, io_uring_register_iowq_aff and io_uring_unregister_iowq_aff.
 */
import { EINVAL, errnoError } from '../lib/errno.js'
import { registerIowqAff, registerIowqMaxWorkers, unregisterIowqAff } from '../ring/register.js'
import type { Ring } from '../ring/ring.js'
import { possibleOf } from '../sys/affinity.js'
import { checkInteger, invalidArgType, invalidArgValue, invalidState } from './errors.js'

const MAX_LIMIT = 0x7fffffff
/** As many processors as the kernel can be built for. */
const MAX_CPUS = 8192

function checkOpen(ring: Ring): void {
  if (!ring.isOpen) throw invalidState('the ring is closed')
}

/** Sets both limits, of which 0 keeps one; returns the previous ones. */
export function setMaxWorkers(ring: Ring, bounded: number, unbounded: number): [bounded: number, unbounded: number] {
  checkInteger(bounded, 'bounded', 0, MAX_LIMIT)
  checkInteger(unbounded, 'unbounded', 0, MAX_LIMIT)
  checkOpen(ring)
  const limits = new Uint32Array([bounded, unbounded])
  const res = registerIowqMaxWorkers(ring, limits)
  if (res < 0) throw errnoError(res, 'io_uring_register')
  const [boundedBefore = 0, unboundedBefore = 0] = limits
  return [boundedBefore, unboundedBefore]
}

/** Restricts workers made later to `cpus`; null lets them run where the thread may. */
export function setAffinity(ring: Ring, cpus: readonly number[] | null): void {
  const mask = cpus === null ? undefined : maskOf(cpus)
  checkOpen(ring)
  const res = mask === undefined ? unregisterIowqAff(ring) : registerIowqAff(ring, mask)
  if (res < 0) throw errnoError(res, 'io_uring_register')
}

function maskOf(given: readonly number[]): Uint8Array {
  if (!Array.isArray(given)) throw invalidArgType('cpus', 'an instance of Array or null', given)
  const { length } = given
  if (length === 0) throw invalidArgValue('cpus', given, 'must name a processor')
  // Each element is read once, and no list is endless.
  const named = new Set<number>()
  for (let i = 0; i < length; i++) {
    const cpu = given[i]!
    checkInteger(cpu, `cpus[${i}]`, 0, MAX_CPUS - 1)
    named.add(cpu)
  }
  const cpus = [...named]
  // The kernel ignores processors that the machine cannot have, and treats a mask of nothing else as no mask.
  if (possibleOf(cpus).length < cpus.length) throw errnoError(-EINVAL, 'io_uring_register')
  const mask = new Uint8Array(((Math.max(...cpus) >> 6) + 1) * 8)
  for (const cpu of cpus) mask[cpu >> 3] = (mask[cpu >> 3] ?? 0) | (1 << (cpu & 7))
  return mask
}
