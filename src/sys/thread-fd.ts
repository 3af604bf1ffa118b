/**
 * File descriptors that end with the thread that made them. Any thread; an fd stays with the one that adopted it.
 *
 * A file that the C library opened stays open when a Worker is terminated, throws or exits. This library's own fds are
 * listed (leavings.ts). The user may close his fds by node:fs. In a Worker, node:fs closes by number what it opened
 * when the thread ends. So a user's fd has a number that node:fs gave out, and only node:fs closes it. Counterpart:
 * none; a task's files are its process's.
 */
import { O_CLOEXEC } from '../abi/posix.js'
import { builtin } from '../lib/builtin.js'
import { EBADF } from '../lib/errno.js'
import { isListedFd, listFd, unlistFd } from './leavings.js'
import { isMainThread, libc } from './libc.js'

let isWorker: boolean | undefined

/** Whether node:fs opens and closes the user's files here: on the main thread they end with the process. */
export function adoptsFiles(): boolean {
  isWorker ??= !isMainThread()
  return isWorker
}

/** Makes this thread the owner of an opened file. Returns its new number, or -errno. */
export function adoptFile(fd: number): number {
  if (!adoptsFiles()) return fd
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

/** In a Worker, closes a user's file by node:fs. Returns 0 or -errno. */
export function closeFile(fd: number): number {
  if (isListedFd(fd)) return -EBADF
  try {
    builtin('node:fs').closeSync(fd)
    return 0
  } catch (error) {
    return (error as { errno: number }).errno
  }
}

/** Makes this thread the owner of `fd`, one of this library's own. Returns its new number, or -errno. */
export function adoptFd(fd: number): number {
  return !adoptsFiles() || listFd(fd) ? fd : adoptFile(fd)
}

/** Closes an adopted fd. Returns 0 or -errno. */
export function closeAdopted(fd: number): number {
  return !adoptsFiles() || unlistFd(fd) ? libc('close')(fd) : closeFile(fd)
}
