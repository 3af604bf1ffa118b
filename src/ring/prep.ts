/**
 * One prep function per operation, in liburing's order of names and arguments, by family. Runs on the app's thread.
 *
 * prep/sqe.ts says what holds for all of them. Counterpart: the io_uring_prep_* family of liburing.
 */
export * from './prep/cancel.js'
export * from './prep/file.js'
export * from './prep/nop.js'
export * from './prep/open.js'
export * from './prep/rw.js'
export {
  prepRw,
  setFlags,
  setIoprio,
  setOpFlags,
  setPersonality,
  setTargetFixedFile,
  setUserData,
} from './prep/sqe.js'
