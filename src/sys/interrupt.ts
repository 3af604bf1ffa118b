/**
 * Getting a worker's thread out of a blocking system call. Set up and sent by the owner; taken by the worker thread.
 *
 * A signal with a handler that does nothing, installed without SA_RESTART, makes the call return -EINTR. It is sent
 * again until the work has ended, for it is lost if it comes just before the call begins. SIGURG, because nothing
 * notices a stray one: its default is to be ignored. Counterpart: set_notify_signal in io_wq_worker_cancel.
 */
import { ffi } from './ffi.js'
import { libc, tgkill } from './libc.js'
import { addressOf, high32, low32 } from './memory.js'

const SIGURG = 23
const SIGACTION_BYTES = 152

let installed = false

function install(): void {
  if (installed) return
  installed = true
  const action = new Int32Array(SIGACTION_BYTES >> 2)
  // Any harmless, async-signal-safe function will do as the handler; its one argument is ignored.
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
