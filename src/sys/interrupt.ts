/**
 * Gets a worker's thread out of a blocking system call. The owner sets it up and sends; the worker thread receives.
 *
 * A signal with a handler that does nothing, installed without SA_RESTART, makes the call return -EINTR. A signal just
 * before the call begins is lost, so the owner sends it again until the work has ended. The signal is SIGURG because a
 * stray one does no harm: its default is to be ignored. Counterpart: set_notify_signal in io_wq_worker_cancel.
 */
import { SIGURG } from '../abi/calls.js'
import { ffi } from './ffi.js'
import { libc, tgkill } from './libc.js'
import { addressOf, high32, low32 } from './memory.js'

const SIGACTION_BYTES = 152

let installed = false

function install(): void {
  if (installed) return
  installed = true
  const action = new Int32Array(SIGACTION_BYTES >> 2)
  // The handler is any harmless, async-signal-safe function; it ignores its one argument.
  const handler = ffi().symbolAddress('getpid')
  if (handler === 0) return
  action[0] = low32(handler)
  action[1] = high32(handler)
  libc('sigaction')(SIGURG, addressOf(action), 0)
}

export function interruptThread(tid: number): void {
  if (tid === 0) return
  install()
  tgkill(tid, SIGURG)
}
