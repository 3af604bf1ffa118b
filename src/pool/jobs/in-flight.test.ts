/**
 * A job and its record: one at a time, given back once, in test builds.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VERIFY } from '../../lib/assert.js'
import { HashTails } from '../../wq/hash-tails.js'
import { Blocks } from '../between/arena.js'
import { AT, JOB_WORDS } from '../between/record.js'
import { InFlight } from './in-flight.js'
import { KeyTable } from './keys.js'

const skip = !VERIFY && 'no test build'

function stand() {
  const blocks = new Blocks(1 << 20, 2 << 20)
  const jobs = new InFlight(4, new KeyTable(new HashTails(8)), blocks)
  const words = new Int32Array(JOB_WORDS)
  words[AT] = blocks.alloc(1000)
  jobs.add(2, () => {}, words, 0, undefined)
  return { jobs, blocks, words }
}

test('a job gives back its block as it ends', () => {
  const { jobs, blocks } = stand()
  assert.deepEqual([jobs.count, jobs.nrLeft(4), blocks.nrUsed], [1, 1, 1])
  jobs.remove(2)
  assert.deepEqual([jobs.count, jobs.nrLeft(4), blocks.nrUsed], [0, 0, 0])
})

test('a job that settles twice, or that nobody gave, is caught', { skip }, () => {
  const { jobs } = stand()
  jobs.remove(2)
  assert.throws(() => jobs.remove(2), /record 2 settles once/)
  assert.throws(() => jobs.remove(1), /record 1 settles once/)
})

test('a record that gets a second job is caught', { skip }, () => {
  const { jobs, words } = stand()
  assert.throws(() => jobs.add(2, () => {}, words, 0, undefined), /a record has one job/)
})

test('so is one in which something of the last is left', { skip }, () => {
  const { jobs, words } = stand()
  jobs.remove(2)
  jobs.markSignal(2)
  assert.throws(() => jobs.add(2, () => {}, words, 0, undefined), /a record has one job/)
})
