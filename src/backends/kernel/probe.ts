/**
 * Is io_uring usable here, and if not, why, in words. Runs on any thread.
 *
 * The answer is io_uring_setup's own; what it means is read from /proc. Nothing is changed, and no file that cannot be
 * read is an error. Counterpart: liburing's io_uring_get_probe, as far as it is used to ask "is it there".
 */
import { PARAMS } from '../../abi/params.js'
import { builtin } from '../../lib/builtin.js'
import { EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM, errnoText } from '../../lib/errno.js'
import { ioUringSetup, libc } from '../../sys/libc.js'
import { addressOf } from '../../sys/memory.js'

/** io_uring as the driver needs it. */
const OLDEST = [5, 12] as const

/** Why io_uring cannot be used here; undefined where it can. Throws ERR_URING_NO_FFI where it cannot be asked. */
export function probe(): { errno: number; reason: string } | undefined {
  const fd = ioUringSetup(1, addressOf(new Uint8Array(PARAMS.size)))
  if (fd < 0) return { errno: -fd, reason: explain(-fd) }
  libc('close')(fd)
  return undefined
}

/** What an errno of io_uring_setup means on this machine, and what can be done. */
export function explain(errno: number): string {
  switch (errno) {
    case ENOSYS:
      return explainEnosys()
    case EPERM:
      return explainEperm()
    case ENOMEM:
      return `no memory may be locked for it (${lockedLimit()}); raise RLIMIT_MEMLOCK (ulimit -l), or open fewer entries`
    case EMFILE:
      return 'this process has no file descriptor left; raise RLIMIT_NOFILE (ulimit -n), or close some'
    case ENFILE:
      return 'the system has no file descriptor left; raise fs.file-max, or close some'
    default:
      return errnoText(errno)
  }
}

function explainEnosys(): string {
  const { release } = builtin('node:os')
  const [major = 0, minor = 0] = release().split('.').map(Number)
  const [oldMajor, oldMinor] = OLDEST
  if (major < oldMajor || (major === oldMajor && minor < oldMinor)) {
    return `Linux ${release()} is too old; ${oldMajor}.${oldMinor} or later is needed`
  }
  const who = isFiltered()
    ? 'a seccomp filter hides it'
    : 'the kernel is built without CONFIG_IO_URING, or a sandbox hides it'
  return `${who}; ${allow()}`
}

function explainEperm(): string {
  const disabled = read('/proc/sys/kernel/io_uring_disabled')
  if (disabled === '2') return 'kernel.io_uring_disabled is 2; set kernel.io_uring_disabled=0'
  if (disabled === '1') {
    const group = read('/proc/sys/kernel/io_uring_group') ?? '-1'
    const who = group === '-1' ? 'set kernel.io_uring_group to a group of this user' : `join group ${group}`
    return `kernel.io_uring_disabled is 1; ${who}, run with CAP_SYS_ADMIN, or set kernel.io_uring_disabled=0`
  }
  const who = isFiltered() ? 'a seccomp filter forbids it' : 'a security policy forbids it'
  return `${who}; ${allow()}`
}

function allow(): string {
  return 'in a container allow io_uring_setup, io_uring_enter and io_uring_register in the seccomp profile'
}

/** Whether a seccomp filter is on this thread. */
function isFiltered(): boolean {
  return /^Seccomp:\s*2$/m.test(read('/proc/thread-self/status') ?? '')
}

function lockedLimit(): string {
  const limit = /^Max locked memory\s+(\S+)/m.exec(read('/proc/self/limits') ?? '')?.[1]
  return limit === undefined ? 'the limit is unknown' : `the limit is ${limit} bytes`
}

function read(path: string): string | undefined {
  try {
    return builtin('node:fs').readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
