/**
 * A kernel ring that is known to work, or the reason why there is none. Runs on the thread that opens the ring.
 *
 * A successful setup proves little: filters and policies know three calls, and may refuse each. So each call is made
 * once before anybody relies on the ring, and a NOP runs through it. It must leave nothing in a ring that it returns.
 * Counterpart: none; programs find out by their first request.
 */
import {
  IORING_FEAT_EXT_ARG,
  IORING_FEAT_NATIVE_WORKERS,
  IORING_FEAT_NODROP,
  IORING_FEAT_RW_CUR_POS,
} from '../abi/constants.js'
import type { Syscalls } from '../abi/syscalls.js'
import { explain } from '../backends/kernel/probe.js'
import { codeError } from '../lib/arg-errors.js'
import { EINVAL, EIO, ENOSYS, ETIME, errnoName } from '../lib/errno.js'
import { withProps } from '../lib/error-props.js'
import { prepNop } from '../ring/prep.js'
import { registerProbe } from '../ring/register.js'
import type { Ring } from '../ring/ring.js'
import type { RingSettings } from './open-options.js'
import { isTransient, pause } from './trouble.js'

/** Features that the driver relies on. The last of them came with Linux 5.12. */
const NEEDED_FEATURES = IORING_FEAT_NODROP | IORING_FEAT_RW_CUR_POS | IORING_FEAT_EXT_ARG | IORING_FEAT_NATIVE_WORKERS

/** How often a call is retried, and how long a NOP may take. */
const TRIES = 8
const NOP_MS = 2000

type SetUp = (syscalls: Syscalls, settings: RingSettings) => Ring

/** Throws an Error with the errno's code, which names the refused call and a remedy. */
export async function openKernel(syscalls: Syscalls, setUp: SetUp, settings: RingSettings): Promise<Ring> {
  let ring: Ring
  try {
    ring = setUp(syscalls, settings)
  } catch (error) {
    const { errno } = error as { errno?: number }
    throw errno === undefined ? error : refusal(-errno, 'io_uring_setup', settings)
  }
  try {
    if ((ring.features & NEEDED_FEATURES) !== NEEDED_FEATURES) throw refusal(ENOSYS, 'io_uring_setup', settings)
    await prove(ring, settings)
    return ring
  } catch (error) {
    ring.queueExit()
    throw error
  }
}

async function prove(ring: Ring, settings: RingSettings): Promise<void> {
  const registered = await answerOf(() => {
    const probe = registerProbe(ring)
    return typeof probe === 'number' ? probe : 0
  })
  if (registered < 0) throw refusal(-registered, 'io_uring_register', settings)
  prepNop(ring.sq.words, ring.sq.getSqe())
  const entered = await answerOf(() => ring.submitAndWaitTimeout(1, NOP_MS))
  if (entered < 0 && entered !== -ETIME) throw refusal(-entered, 'io_uring_enter', settings)
  const isDone = ring.cq.ready() > 0 || ring.waitCqe(NOP_MS) === 0
  if (!isDone || ring.cq.res() !== 0) throw refusal(EIO, 'io_uring_enter', settings)
  ring.cq.advance(1)
}

/** A call's result, after retries for a while if it may pass. */
async function answerOf(call: () => number): Promise<number> {
  for (let nr = 1; ; nr++) {
    const res = call()
    if (!isTransient(res) || nr === TRIES) return res
    await pause(nr)
  }
}

function refusal(errno: number, syscall: string, { sqThreadCpu }: RingSettings): Error {
  const code = errnoName(errno)
  const isCpu = errno === EINVAL && sqThreadCpu !== undefined
  const why = isCpu ? `options.sqThreadCpu: no CPU ${sqThreadCpu} may be used here` : explain(errno)
  const error = codeError(Error, code, `${code}: ${syscall} is refused: ${why}`)
  return withProps(error, { errno: -errno, syscall })
}
