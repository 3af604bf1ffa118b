/** For cold-start.ts: reads the file named first, of as many bytes as named second, by node:fs/promises. Main thread. */
import { open } from 'node:fs/promises'

const [path, size] = process.argv.slice(2)
const file = await open(path!)
const { bytesRead } = await file.read(new Uint8Array(4096))
await file.close()
if (bytesRead !== Number(size)) throw new Error('the file was not read')
