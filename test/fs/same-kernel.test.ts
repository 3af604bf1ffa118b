/** `uring/fs` on the kernel's ring, beside node:fs/promises. Main thread. */
import { probe } from '../../src/backends/kernel/probe.js'
import { type Fs, testSame } from './same.js'

if (probe() === undefined) process.env['URING_BACKEND'] = 'kernel'
testSame((await import(new URL('../../lib/fs.js', import.meta.url).href)) as Fs)
