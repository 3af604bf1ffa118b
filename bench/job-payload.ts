/**
 * Jobs with something to carry: a buffer or an object to the worker, and the same back. Main thread, one worker.
 *
 * Every pool copies, each in its own way: the caller keeps what it gave. Nothing is moved or shared.
 */
import { randomFillSync } from 'node:crypto'
import type { Bench, Subject } from './bench.js'
import { meterPromises } from './meter.js'
import { openPool, openSubjects, POOL_NAMES, type PoolName, RIVALS } from './pools.js'

/** Enough to keep a worker busy, and no more than 16 MiB of copies at once. */
const INFLIGHT = 16
const KIB = 1024

interface Payload {
  readonly value: unknown
  /** Throws unless this came back. */
  check(result: unknown): void
}

const PAYLOADS: Readonly<Record<string, () => Payload>> = {
  '1KiB': () => bytes(KIB),
  '64KiB': () => bytes(64 * KIB),
  '1MiB': () => bytes(KIB * KIB),
  'object-50': object,
}

export const bench: Bench = {
  question: 'how many jobs a second does one worker run that get a buffer or an object and return it, 16 at once?',
  unit: 'jobs',
  pairs: RIVALS.map((rival) => ['uring', rival] as const),
  async settings(plan) {
    return Object.entries(PAYLOADS).map(([setting, make]) => ({
      name: `payload=${setting}`,
      open: () => {
        const payload = make()
        const open = (name: PoolName) => openSubject(name, payload, plan.roundMs)
        return openSubjects(plan, Object.fromEntries(POOL_NAMES.map((name) => [name, () => open(name)])))
      },
    }))
  },
}

async function openSubject(name: PoolName, { value, check }: Payload, roundMs: number): Promise<Subject> {
  const pool = await openPool(name, 'echo')
  const size = value instanceof Uint8Array ? value.byteLength : 0
  return {
    name,
    async round() {
      const round = await meterPromises(roundMs, INFLIGHT, () => pool.run(value), check)
      // There and back.
      return size === 0 ? round : { ...round, mbPerSec: (2 * size * round.opsPerSec) / 1e6 }
    },
    async close() {
      await pool.close()
    },
  }
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
