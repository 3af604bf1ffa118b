/**
 * The public names of the package, and nothing else. Whatever thread imports it runs it: the app's.
 */

export type { OpOptions } from './driver/driver.js'
export type { Backend, OpenOptions } from './driver/open.js'
export type { Statx } from './driver/statx.js'
export {
  type FsyncOptions,
  type OpenatOptions,
  type StatxOptions,
  type TransferOptions,
  Uring,
  type UringStats,
} from './driver/uring.js'
