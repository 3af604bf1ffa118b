/**
 * An io-wq's shared memory as text, for whoever has to find out why it stands still. Any thread; plain reads.
 */
import type { Layout } from '../../src/lib/layout.js'
import { MPSCQ } from '../../src/lib/mpscq.js'
import { ACCT, ITEM, ITEM_FREE, NR_ACCTS, WORKER, WORKER_NONE, WQ, type WqMemory } from '../../src/wq/layout.js'

const MAX_ITEMS_SHOWN = 200

/** Every account, every queue, every slot and bucket in use, and the items that are not FREE. */
export function dump(mem: WqMemory): string {
  const { words, shape } = mem
  const lines = [row(mem, WQ, 0)]
  for (let acct = 0; acct < NR_ACCTS; acct++) lines.push(row(mem, ACCT, mem.acct(acct)))
  for (let queue = 0; queue < shape.nrQueues; queue++) lines.push(row(mem, MPSCQ, mem.queue(queue).queueWord))
  for (let slot = 0; slot < shape.nrSlots; slot++) {
    if (words[mem.worker(slot) + (WORKER.at.state >> 2)] === WORKER_NONE) continue
    lines.push(`slot ${slot}: ${row(mem, WORKER, mem.worker(slot))}`)
  }
  for (let bucket = 0; bucket < shape.nrBuckets; bucket++) {
    if (words[mem.holderAt(bucket)] !== 0) lines.push(`bucket ${bucket}: held by ${words[mem.holderAt(bucket)]}`)
  }
  const items = Array.from({ length: shape.nrItems }, (_, item) => item).filter(
    (item) => words[mem.item(item) + (ITEM.at.state >> 2)] !== ITEM_FREE,
  )
  lines.push(`${items.length} items are not free`)
  for (const item of items.slice(0, MAX_ITEMS_SHOWN)) lines.push(`item ${item}: ${row(mem, ITEM, mem.item(item))}`)
  return `${lines.join('\n')}\n`
}

function row(mem: WqMemory, table: Layout<string>, at: number): string {
  const fields = table.fields.map(({ name, offset }) => `${name} ${mem.words[at + (offset >> 2)]}`)
  return `${table.name}: ${fields.join(', ')}`
}
