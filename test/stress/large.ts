/**
 * Views of 2 GiB and more to jobs and back: copied whole, or refused by name. Main thread; it takes some 12 GiB of memory.
 */
import assert from 'node:assert/strict'
import { Pool } from '../../src/pool/pool.js'

type Jobs = typeof import('../pool/whole-values-jobs.js')
const GiB = 2 ** 30

export async function stressLarge(seed: number): Promise<string> {
  const pool = new Pool<Jobs>(new URL('../pool/whole-values-jobs.js', import.meta.url), { maxWorkers: 1 })
  for (const bytes of [2 * GiB - 1, 2 * GiB, 2 * GiB + 1]) {
    const view = new Uint8Array(bytes)
    view[bytes - 1] = seed
    assert.deepEqual(await pool.run('last', [view]), [bytes, seed & 255])
    const back = await pool.run('big', [bytes])
    assert.deepEqual([back.length, back[bytes - 1]], [bytes, 9])
  }
  await pool.close()
  return '3 views of 2 GiB, there and back'
}
