/**
 * The process of one pool for job-payload: `job-payload-child POOL PAYLOAD ROUND_MS`. Each message to it is answered with
 * the figures of a round; it ends when its parent hangs up.
 */
import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import type { Round } from './bench.js'
import { meterPromises } from './meter.js'
import { openPool, type PoolName } from './pools.js'

/** Enough to keep a worker busy, and no more than 16 MiB of copies at once. */
const INFLIGHT = 16
const KIB = 1024

interface Payload {
  readonly value: unknown
  /** Throws unless this came back. */
  check(result: unknown): void
}

const MAKERS: Readonly<Record<string, () => Payload>> = {
  '1KiB': () => bytes(KIB),
  '64KiB': () => bytes(64 * KIB),
  '1MiB': () => bytes(KIB * KIB),
  'object-50': object,
}

/** What it says: that it is ready (null), a round's figures, or why there are none. */
export type Answer = null | Round | { readonly error: string }

export const PAYLOADS: readonly string[] = Object.keys(MAKERS)

async function serve(name: PoolName, payload: string, roundMs: number): Promise<void> {
  const { value, check } = MAKERS[payload]!()
  const pool = await openPool(name, 'echo')
  const size = value instanceof Uint8Array ? value.byteLength : 0
  process.on('message', async () => {
    const round = await meterPromises(roundMs, INFLIGHT, () => pool.run(value), check)
    // There and back.
    answer(size === 0 ? round : { ...round, mbPerSec: (2 * size * round.opsPerSec) / 1e6 })
  })
  answer(null)
  await once(process, 'disconnect')
  await pool.close()
  // Some leave handles behind.
  process.exit()
}

function answer(answer: Answer): void {
  process.send?.(answer)
}

function bytes(size: number): Payload {
  const value = randomFillSync(new Uint8Array(size))
  const middle = size >> 1
  return {
    value,
    check(result) {
      const same =
        result instanceof Uint8Array &&
        result.length === size &&
        result[0] === value[0] &&
        result[middle] === value[middle] &&
        result[size - 1] === value[size - 1]
      if (!same) throw new Error('the bytes that came back are others')
    },
  }
}

/** Numbers, texts, a list and a nested object: 50 properties as a row of a database has them. */
function object(): Payload {
  const value: Record<string, unknown> = {}
  for (let i = 0; i < 20; i++) value[`count${i}`] = i * 1000
  for (let i = 0; i < 20; i++) value[`text${i}`] = `the text of property ${i}`
  for (let i = 0; i < 8; i++) value[`ratio${i}`] = i / 7
  value['tags'] = ['first', 'second', 'third']
  value['nested'] = { id: 7, ok: true, none: null }
  return {
    value,
    check(result) {
      const { count19, text19, ratio7, nested } = result as Record<string, unknown>
      const { ok } = nested as { ok: unknown }
      if (count19 !== 19_000 || text19 !== value['text19'] || ratio7 !== 1 || ok !== true) {
        throw new Error('the object that came back is another')
      }
    },
  }
}

const [name, payload, roundMs] = process.argv.slice(2)
// Imported by the bench, for its list, there is no parent to serve.
if (process.send !== undefined && name !== undefined && payload !== undefined) {
  const failed = (error: Error) => {
    answer({ error: error.message })
    process.disconnect()
  }
  process.on('unhandledRejection', failed)
  serve(name as PoolName, payload, Number(roundMs)).catch(failed)
}
