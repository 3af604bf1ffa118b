/**
 * The jobs of sum-fs-piscina.ts: a batch of names in, lines as of sha256sum out. Workers run it.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'

const AT_ONCE = 8
const BLOCK_BYTES = 256 * 1024

interface Batch {
  /** Lines, as a byte string. */
  lines: string
  errors: string[]
}

export default async function sumBatch(names: readonly string[]): Promise<Batch> {
  const batch: Batch = { lines: '', errors: [] }
  let next = 0
  const lane = async () => {
    while (next < names.length) {
      const name = names[next++]!
      try {
        const digest = await sum(name)
        batch.lines += line(digest, name)
      } catch (error) {
        batch.errors.push(`${name}: ${(error as Error).message}`)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return batch
}

async function sum(name: string): Promise<string> {
  const file = await open(Buffer.from(name, 'latin1'))
  try {
    const { size } = await file.stat()
    return await hash(file, size)
  } finally {
    await file.close()
  }
}

/** A file below a block is read whole by one read; a larger one in blocks, in bounded memory. */
async function hash(file: FileHandle, size: number): Promise<string> {
  const digest = createHash('sha256')
  const buffer = Buffer.allocUnsafe(Math.min(size + 1, BLOCK_BYTES))
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, position)
    digest.update(buffer.subarray(0, bytesRead))
    position += bytesRead
    if (bytesRead === 0 || (bytesRead < buffer.byteLength && position >= size)) return digest.digest('hex')
  }
}

function line(digest: string, name: string): string {
  if (!/[\\\n\r]/.test(name)) return `${digest}  ${name}\n`
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  return `\\${digest}  ${escaped}\n`
}
