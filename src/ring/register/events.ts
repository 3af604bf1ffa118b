/**
 * Notification of completions, and waits for them: eventfd, busy polling, the clock. Runs on the thread of the ring;
 * register.ts has the rules for every call.
 *
 * Counterpart: io_uring_register_eventfd*, _napi and _clock of liburing.
 */
import * as abi from '../../abi/constants.js'
import { CLOCK_REGISTER, NAPI } from '../../abi/structs.js'
import type { Ring } from '../ring.js'
import { Fields } from './fields.js'

/**
 * Signals an eventfd whenever completions are posted. cq.setEventfdEnabled mutes it.
 *
 * -EBUSY if there is one; -EBADF, -EINVAL for an fd that is no eventfd. The ring keeps the file. Since Linux 5.2.
 */
export function registerEventfd(ring: Ring, fd: number): number {
  return ring.register(abi.IORING_REGISTER_EVENTFD, new Int32Array([fd]), 1)
}

/** registerEventfd, but completions inside submit do not signal it. Since Linux 5.6. */
export function registerEventfdAsync(ring: Ring, fd: number): number {
  return ring.register(abi.IORING_REGISTER_EVENTFD_ASYNC, new Int32Array([fd]), 1)
}

/** -ENXIO when there is none. Since Linux 5.2. */
export function unregisterEventfd(ring: Ring): number {
  return ring.register(abi.IORING_UNREGISTER_EVENTFD, null, 0)
}

/** How a ring polls network devices busily while it waits. */
export interface NapiSettings {
  /** Microseconds. */
  readonly busyPollUs: number
  readonly preferBusyPoll: boolean
  /** IO_URING_NAPI_TRACKING_*. Default _DYNAMIC: the devices of the sockets in use. */
  readonly tracking?: number
}

/** -EINVAL where the kernel is built without NAPI busy polling, and on a ring with IOPOLL. Since Linux 6.9. */
export function registerNapi(ring: Ring, settings: NapiSettings): number {
  const arg = new Fields(NAPI)
  arg.u32('busy_poll_to', settings.busyPollUs)
  arg.view.setUint8(NAPI.at.prefer_busy_poll, settings.preferBusyPoll ? 1 : 0)
  arg.u32('op_param', settings.tracking ?? abi.IO_URING_NAPI_TRACKING_DYNAMIC)
  return ring.register(abi.IORING_REGISTER_NAPI, arg.bytes, 1)
}

/** Ends busy polling; the settings there were, or -errno as registerNapi. Since Linux 6.9. */
export function unregisterNapi(ring: Ring): NapiSettings | number {
  const arg = new Fields(NAPI)
  const res = ring.register(abi.IORING_UNREGISTER_NAPI, arg.bytes, 1)
  if (res < 0) return res
  const busyPollUs = arg.view.getUint32(NAPI.at.busy_poll_to, true)
  return { busyPollUs, preferBusyPoll: arg.view.getUint8(NAPI.at.prefer_busy_poll) !== 0 }
}

/**
 * Sets the clock of waits with a timeout: CLOCK_MONOTONIC, which is the default, or CLOCK_BOOTTIME.
 *
 * -EINVAL for another. Since Linux 6.12.
 */
export function registerClock(ring: Ring, clockid: number): number {
  const arg = new Fields(CLOCK_REGISTER)
  arg.u32('clockid', clockid)
  return ring.register(abi.IORING_REGISTER_CLOCK, arg.bytes, 0)
}
