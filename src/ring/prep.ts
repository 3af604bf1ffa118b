/**
 * One prep function per operation, in liburing's order of names and arguments, by family. Runs on the app's thread.
 *
 * prep/sqe.ts has the rules for all of them. Counterpart: the io_uring_prep_* family of liburing.
 */
export * from './prep/cancel.js'
export * from './prep/file.js'
export * from './prep/msg-ring.js'
export * from './prep/nop.js'
export * from './prep/open.js'
export * from './prep/path.js'
export * from './prep/pipe.js'
export * from './prep/poll.js'
export * from './prep/recv.js'
export * from './prep/resources.js'
export * from './prep/rw.js'
export * from './prep/send.js'
export * from './prep/socket.js'
export {
  prepRw,
  setBufGroup,
  setBufIndex,
  setFlags,
  setIoprio,
  setOpFlags,
  setPersonality,
  setTargetFixedFile,
  setUserData,
} from './prep/sqe.js'
export * from './prep/timeout.js'
export * from './prep/wait.js'
export * from './prep/xattr.js'
