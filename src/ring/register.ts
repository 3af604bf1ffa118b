/**
 * io_uring_register, one function a call, in liburing's names and order of arguments. Runs on the thread of the ring.
 *
 * Each returns 0 or more, or -errno: -EINVAL also if the kernel or the backend is too old for the call, -EACCES if
 * restrictions forbid it, -EEXIST on another thread's ring with IORING_SETUP_SINGLE_ISSUER. Arrays are read during the
 * call. Memory of registered buffers must live until it is unregistered and the last request on it has completed.
 * Counterpart: liburing's register.c.
 */
export * from './register/buffers.js'
export * from './register/events.js'
export * from './register/files.js'
export * from './register/query.js'
export * from './register/rights.js'
export * from './register/workers.js'
