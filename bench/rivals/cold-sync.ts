/** For cold-start.ts: reads the file named first, of as many bytes as named second, synchronously. Main thread. */
import { readFileSync } from 'node:fs'

const [path, size] = process.argv.slice(2)
if (readFileSync(path!).length !== Number(size)) throw new Error('the file was not read')
