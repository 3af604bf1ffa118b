/**
 * The public names of the package, and nothing else. Whatever thread imports it runs it: the app's.
 */

export type { Backend, OpenOptions } from './driver/open-options.js'
export type {
  FsyncOptions,
  OpenatOptions,
  OpOptions,
  StatxOptions,
  TransferOptions,
} from './driver/options.js'
export type { Statx } from './driver/statx.js'
export { Uring, type UringStats } from './driver/uring.js'
