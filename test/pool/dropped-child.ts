/**
 * Drops iterators, and prints what becomes of their generators. A process of its own, for it collects garbage and is to
 * end by itself. Main thread.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { loadAcquire } from '../../src/lib/barrier.js'
import { Pool } from '../../src/pool/pool.js'
import { Gate, sharedWords, until } from './gate.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

type Jobs = typeof import('./async-jobs.js')
const pool = new Pool<Jobs>(new URL('./async-jobs.js', import.meta.url), { maxWorkers: 1 })
const words = sharedWords(2)

/** Takes one value. */
async function glance(): Promise<unknown> {
  return (await pool.iterate('count', [1000, words]).next()).value
}

/** Waits for a value that comes when the gate opens; nobody has the iterator but its promise. */
function expect(gate: Gate): Promise<IteratorResult<number>> {
  return pool.iterate('yieldAwaited', [gate.words]).next()
}

console.log('first', await glance())
await until(() => {
  collectGarbage()
  return loadAcquire(words, 1) === 1
}, 'a generator ends whose iterator was dropped')
console.log('collected and ended')
const gate = new Gate()
const expected = expect(gate)
await gate.reached(1)
for (let i = 0; i < 10; i++) {
  collectGarbage()
  await new Promise((resolve) => setImmediate(resolve))
}
gate.open()
console.log('awaited', (await expected).value)
void glance()
const kept = pool.iterate('count', [1000])
console.log('kept', (await kept.next()).value)
