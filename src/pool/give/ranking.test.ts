import assert from 'node:assert/strict'
import { test } from 'node:test'
import { storeRelease } from '../../lib/barrier.js'
import { HashTails } from '../../wq/hash-tails.js'
import { ITEM, ITEM_FREE, ITEM_QUEUED, ITEM_TAKEN, WqMemory } from '../../wq/layout.js'
import { STATE } from '../../wq/words.js'
import type { Wq } from '../../wq/wq.js'
import { Blocks } from '../between/arena.js'
import { JOB } from '../between/record.js'
import { Extras } from '../jobs/extras.js'
import { InFlight } from '../jobs/in-flight.js'
import { KeyTable } from '../jobs/keys.js'
import type { Waiting } from '../jobs/waiting.js'
import { Ranking } from './ranking.js'

const NR_ITEMS = 3

test('a worker that comes while jobs of a key are taken back gets the first of them', () => {
  const shape = { nrSlots: 1, nrQueues: 1, nrBuckets: 4, nrItems: NR_ITEMS }
  const mem = WqMemory.create({ ...shape, payloadBytes: JOB.size, payloadHash: 0 })
  const setState = (item: number, state: number) => storeRelease(mem.words, mem.item(item) + STATE, state)
  const jobs = new InFlight(NR_ITEMS, new KeyTable(new HashTails(NR_ITEMS)), new Blocks(0, 1024))
  for (let item = 0; item < NR_ITEMS; item++) {
    jobs.add(item, () => {}, mem.words, mem.payload(item), undefined)
    jobs.takeBucket(item, 'k')
    mem.words[mem.item(item) + (ITEM.at.seq >> 2)] = item
    setState(item, ITEM_QUEUED)
  }
  const withdrawn: number[] = []
  const wq = {
    mem,
    nrTouched: NR_ITEMS,
    nrFree: 0,
    withdraw(item: number): boolean {
      withdrawn.push(item)
      setState(item, ITEM_FREE)
      // The worker: what is left of the run is in its hands.
      for (let other = 0; other < NR_ITEMS; other++) if (other !== item) setState(other, ITEM_TAKEN)
      return true
    },
  }
  const waiting = (id: number, priority: number): Waiting => ({
    words: new Int32Array(JOB.size >> 2),
    nrWords: JOB.size >> 2,
    held: undefined,
    key: undefined,
    isUnbounded: false,
    signal: undefined,
    listener: undefined,
    listenFlags: 0,
    extras: new Extras(id, undefined, priority),
    givenNs: 0,
    resolve: () => {},
    id,
  })
  const ranking = new Ranking(
    {
      wq: wq as unknown as Wq,
      jobs,
      launch: () => assert.fail('there is no record'),
      detach(item, id) {
        const job = jobs.detach(item, mem.words, mem.payload(item))
        return { ...waiting(id, 0), ...job }
      },
    },
    [],
  )
  ranking.push(waiting(ranking.nextId(), 1))
  assert.deepEqual(withdrawn, [NR_ITEMS - 1])
  assert.equal(ranking.size, 2)
})
