/**
 * The bare ring as the package exports it (`uring/ring`): public names, and nothing else. Runs on the thread that uses
 * the ring.
 *
 * The names are liburing's without `io_uring_`, on the kernel's io_uring or on the one of this package. Nothing here
 * keeps memory alive: memory that an SQE points to must live, and stay in place, until its last completion. V8 does not
 * move the memory of addressOf, but may free it once nobody has a reference. A transfer moves it. A terminated Worker
 * frees it before its requests end. Counterpart: liburing.h.
 */
export * from '../abi/advice.js'
export * from '../abi/constants.js'
export { CQE } from '../abi/cqe.js'
export { PARAMS } from '../abi/params.js'
export * from '../abi/process.js'
export * from '../abi/socket.js'
export { SQE } from '../abi/sqe.js'
export * from '../abi/structs.js'
export type { RingMemory, Syscalls } from '../abi/syscalls.js'
export { errnoError, errnoName } from '../lib/errno.js'
export type { Layout } from '../lib/layout.js'
export * from '../ring/buf-ring.js'
export type { Cq, Cqe } from '../ring/cq.js'
export * from '../ring/prep.js'
export * from '../ring/register.js'
export { type QueueInitOptions, queueInit, type Ring } from '../ring/ring.js'
export * from '../ring/sockaddr.js'
export { SQ_FULL, type Sq } from '../ring/sq.js'
export { addressOf } from '../sys/memory.js'
export { loadSyscalls } from './open.js'
