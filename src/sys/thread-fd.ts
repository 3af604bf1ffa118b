/**
 * File descriptors that end with the thread that made them. Any thread; an fd stays with the one that adopted it.
 *
 * What the C library opened stays open when a Worker is terminated, throws or exits. What node:fs opened in a Worker Node
 * closes then, by number. So in a Worker such an fd takes a number that node:fs gave out. Counterpart: none; a task's
 * files are its process's.
 */
import { builtin } from '../lib/builtin.js'
import { perThread } from '../lib/per-thread.js'
import { isMainThread, libc } from './libc.js'

const O_CLOEXEC = 0o2000000

/** Files that operations opened on this thread, where it is a Worker. */
const opened = perThread('opened files', () => new Set<number>())
let isWorker: boolean | undefined

/** Whether files that an operation opened have to be adopted here: on the main thread they end with the process. */
export function adoptsFiles(): boolean {
  isWorker ??= !isMainThread()
  return isWorker
}

/** What an operation opened becomes this thread's. Returns the number that it has from now on, or -errno. */
export function adoptFile(fd: number): number {
  const own = adoptFd(fd)
  if (own >= 0) opened.add(own)
  return own
}

/** Whether closeFile has to close it: Node would close its number once more, whoever has that by then. */
export function isAdoptedFile(fd: number): boolean {
  return opened.size > 0 && opened.has(fd)
}

export function closeFile(fd: number): number {
  opened.delete(fd)
  return closeAdopted(fd)
}

/** Makes this thread the owner of `fd`. Returns the number that it has from now on, or -errno, and then it is closed. */
export function adoptFd(fd: number): number {
  if (isMainThread()) return fd
  const { closeSync, openSync } = builtin('node:fs')
  let own: number
  try {
    own = openSync('/dev/null', 'r')
  } catch (error) {
    libc('close')(fd)
    return (error as { errno: number }).errno
  }
  const res = libc('dup3')(fd, own, O_CLOEXEC)
  libc('close')(fd)
  if (res < 0) closeSync(own)
  return res
}

/** Closes an adopted fd. Returns 0 or -errno. */
export function closeAdopted(fd: number): number {
  if (isMainThread()) return libc('close')(fd)
  try {
    builtin('node:fs').closeSync(fd)
    return 0
  } catch (error) {
    return (error as { errno: number }).errno
  }
}
