/** `uring/fs` on a ring of threads, beside node:fs/promises. Main thread. */
import { type Fs, testSame } from './same.js'

process.env['URING_BACKEND'] = 'threads'
testSame((await import(new URL('../../lib/fs.js', import.meta.url).href)) as Fs)
