/**
 * Why no thread can be made, in words that name the limit. Owner thread only; it reads /proc and /sys as they are when
 * a start has failed for good. No counterpart: create_io_thread answers with an errno alone.
 */
import { readFileSync } from 'node:fs'

/** Node's code if the system or V8 would not make a thread. */
const INIT_FAILED = 'ERR_WORKER_INIT_FAILED'

/** The same error, or one that also names the limits, with the first as its cause. */
export function withLimits(error: Error): Error {
  const { code } = error as { code?: unknown }
  if (code !== INIT_FAILED) return error
  const limits = limitsOfThreads()
  if (limits.length === 0) return error
  const longer = new Error(`${error.message}: the system makes no thread. Limits here: ${limits.join('; ')}`, {
    cause: error,
  })
  return Object.defineProperty(longer, 'code', { value: code, configurable: true, writable: true })
}

/** The limits, by name. */
function limitsOfThreads(): string[] {
  const found: string[] = []
  const max = readCgroup('pids.max')
  if (max !== undefined && max !== 'max') {
    found.push(`pids.max of the control group is ${max}, pids.current ${readCgroup('pids.current') ?? 'unknown'}`)
  }
  const own = readText('/proc/self/limits') ?? ''
  for (const [name, row, unit] of [
    ['RLIMIT_NPROC', 'Max processes', 'processes and threads of this user'],
    ['RLIMIT_AS', 'Max address space', 'bytes of address space'],
  ] as const) {
    const soft = new RegExp(`^${row} +(\\d+)`, 'm').exec(own)?.[1]
    if (soft !== undefined) found.push(`${name} is ${soft} ${unit}`)
  }
  return found
}

/** A file of the control group that counts this process's tasks, in either version, or at a container's own path. */
function readCgroup(name: string): string | undefined {
  const groups = readText('/proc/self/cgroup') ?? ''
  const old = /^\d+:(?:[^:\n]*,)?pids(?:,[^:\n]*)?:(.*)$/m.exec(groups)?.[1]
  const unified = /^0::(.*)$/m.exec(groups)?.[1]
  const dirs: string[] = []
  if (old !== undefined) dirs.push(`/sys/fs/cgroup/pids${old}`, '/sys/fs/cgroup/pids')
  if (unified !== undefined) dirs.push(`/sys/fs/cgroup${unified}`)
  dirs.push('/sys/fs/cgroup')
  for (const dir of dirs) {
    const text = readText(`${dir}/${name}`)
    if (text !== undefined) return text.trim()
  }
  return undefined
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
