/**
 * The public names of the package, and nothing else. Whatever thread imports it runs it: the app's.
 */

export type { Backend } from './driver/open-options.js'
export type { OpenatOptions, StatxOptions } from './driver/ops/fs.js'
export type { OpenHow, TwoNamesOptions, UnlinkatOptions } from './driver/ops/names.js'
export type { TransferOptions } from './driver/ops/rw.js'
export type { FsyncOptions } from './driver/ops/sync.js'
export type { SetxattrOptions } from './driver/ops/xattr.js'
export type { OpOptions } from './driver/options.js'
export type { Statx } from './driver/statx.js'
export { type OpenOptions, Uring, type UringStats } from './driver/uring.js'
