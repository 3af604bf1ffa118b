/**
 * For cold-start.ts: reads the file named first, of as many bytes as named second, by a ring of the backend named third.
 * Main thread. What it loads is what the package exports, bundled.
 */
import { type Backend, Uring } from 'uring'

const [path, size, backend] = process.argv.slice(2)
const ring = await Uring.open({ backend: backend as Backend })
const fd = await ring.openat(path!)
const bytesRead = await ring.read(fd, new Uint8Array(4096))
await ring.close(fd)
await ring.close()
if (bytesRead !== Number(size)) throw new Error('the file was not read')
