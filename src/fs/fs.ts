/**
 * `uring/fs`: node:fs/promises on a ring. Any thread; each has a ring of its own.
 *
 * The same names, arguments, results and errors as those of the Node that runs: what a ring can do goes to the ring, the
 * rest is Node's own function. Nothing is to be set up or closed. Counterpart: node:fs/promises.
 *
 * @example
 * import { readFile } from 'uring/fs'
 * const text = await readFile('notes.txt', 'utf8')
 */
import { type NodeFs, nodeFs } from './node.js'
import * as paths from './paths.js'

export { appendFile, lstat, open, readFile, stat, writeFile } from './paths.js'

export const {
  access,
  chmod,
  chown,
  constants,
  copyFile,
  cp,
  lchmod,
  lchown,
  link,
  lutimes,
  mkdir,
  mkdtemp,
  opendir,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  rmdir,
  statfs,
  symlink,
  truncate,
  unlink,
  utimes,
  watch,
} = nodeFs

type Newer<Name extends string> = NodeFs extends Record<Name, infer Function> ? Function : undefined

/** Since Node 22; undefined before. */
export const glob = (nodeFs as Partial<Record<string, unknown>>)['glob'] as Newer<'glob'>

/** Since Node 24; undefined before. */
export const mkdtempDisposable = (nodeFs as Partial<Record<string, unknown>>)[
  'mkdtempDisposable'
] as Newer<'mkdtempDisposable'>

export default { ...nodeFs, ...paths }
