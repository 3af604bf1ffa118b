/**
 * What Uring.open says where a seccomp filter refuses one of io_uring's calls: `CALL ERRNO…`, a line of JSON for each
 * errno. Of filters that refuse alike the one installed last counts. A process of its own for doctor.test.ts.
 */
import { Uring } from '../../src/driver/uring.js'
import { type CallName, refuse } from './seccomp-filter.js'

export interface Refused {
  readonly backend: string
  readonly reason: string
  /** How the backend of the kernel is refused when it is asked for. */
  readonly error: { readonly code?: string; readonly syscall?: string; readonly message?: string }
}

const [call, ...errnos] = process.argv.slice(2)
for (const errno of errnos) {
  refuse([call as CallName], Number(errno))
  const ring = await Uring.open()
  await ring.nop()
  const error = await Uring.open({ backend: 'kernel' }).then(
    () => ({}),
    ({ code, syscall, message }) => ({ code, syscall, message }),
  )
  const { backend, reason } = ring
  await ring.close()
  console.log(JSON.stringify({ backend, reason, error } satisfies Refused))
}
