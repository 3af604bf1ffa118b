/**
 * The rules of endings.ts find what breaks them: epochs made by hand, right and wrong. Main thread.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IORING_TIMEOUT_ETIME_SUCCESS, IOSQE_IO_DRAIN, IOSQE_IO_LINK } from '../../src/abi/constants.js'
import { EALREADY, ECANCELED, ENOENT, ETIME } from '../../src/lib/errno.js'
import { checkEndings } from './endings.js'
import type { SeenCqe, SeenEpoch } from './observation.js'
import { FAR, isFailure, type Member, type Op } from './program.js'
import { SubmitModel } from './submit-model.js'

const WAIT: Op = { op: 'wait', len: 4 }
const NOP: Op = { op: 'nop', nopFlags: 0, len: 0 }
const time = (ms: number, count = 0): Op => ({ op: 'timeout', ms, count, timeoutFlags: 0 })
const limit = (ms: number): Op => ({ op: 'link timeout', ms })
const poll = (multishot: boolean): Op => ({ op: 'poll', multishot })
const cancel = (target: number): Op => ({ op: 'cancel', target, flags: 0 })

type Seen = readonly [userData: number, op: Op, res: number, flags?: number, more?: number[]]

/** What the rules say of members that ended so, in this order; each a chain, but for those with a link. */
function brokenBy(...seen: Seen[]): string[] {
  const model = new SubmitModel(0)
  const bySeq = [...seen].sort(([a], [b]) => a - b)
  for (const [userData, op, , flags = 0] of bySeq) model.put({ userData, op, flags })
  const { chains } = model.enter(seen.length)
  const cqe = (userData: number, res: number): SeenCqe => ({ userData, res, flags: 0 })
  const of = (members: readonly Member[]) => seen.filter(([id]) => members.some(({ userData }) => userData === id))
  const epoch: SeenEpoch = {
    chains: chains.map(({ members, drains }) => ({
      members,
      drains,
      cqes: of(members).map(([userData, , res]) => cqe(userData, res)),
      more: of(members).flatMap(([userData, , , , more = []]) => more.map((res) => cqe(userData, res))),
    })),
    order: seen.map(([userData]) => userData),
    syncCancels: [],
    buffers: new Map(),
    sizes: new Map(),
  }
  const broken: string[] = []
  checkEndings(epoch, broken)
  return broken
}

const isRight = (...seen: Seen[]) => assert.deepEqual(brokenBy(...seen), [])
const isWrong = (what: RegExp, ...seen: Seen[]) => assert.match(brokenBy(...seen).join('\n'), what)

test('a drain overlaps with nothing', () => {
  isRight([1, NOP, 0], [2, NOP, 0, IOSQE_IO_DRAIN], [3, NOP, 0])
  isWrong(/the drain at 2 did not wait for 1/, [2, NOP, 0, IOSQE_IO_DRAIN], [1, NOP, 0], [3, NOP, 0])
  isWrong(/3 did not wait for the drain at 2/, [1, NOP, 0], [3, NOP, 0], [2, NOP, 0, IOSQE_IO_DRAIN])
})

test('a drain inside of a chain holds for its head and for the next chain', () => {
  const DRAINED = IOSQE_IO_LINK | IOSQE_IO_DRAIN
  isRight([1, NOP, 0], [2, NOP, 0, IOSQE_IO_LINK], [3, NOP, 0, DRAINED], [4, NOP, 0], [5, NOP, 0], [6, NOP, 0])
  isWrong(/did not wait/, [2, NOP, 0, IOSQE_IO_LINK], [1, NOP, 0], [3, NOP, 0, DRAINED], [4, NOP, 0], [5, NOP, 0])
  isWrong(
    /6 did not wait for the drain at 5/,
    [2, NOP, 0, IOSQE_IO_LINK],
    [3, NOP, 0, DRAINED],
    [4, NOP, 0],
    [6, NOP, 0],
    [5, NOP, 0],
  )
})

test('a time is up, met by its count, or cancelled by somebody', () => {
  isRight([1, time(1), -ETIME], [2, NOP, 0], [3, time(FAR, 1), 0])
  isWrong(/a time ended so/, [1, time(FAR), -ETIME])
  isWrong(/a time ended so/, [1, time(1), 0])
  isWrong(/a count met too soon/, [1, time(FAR, 2), 0], [2, NOP, 0], [3, NOP, 0])
  isWrong(/cancelled by nobody/, [1, time(1), -ECANCELED])
  isRight([1, time(1), -ECANCELED], [2, cancel(1), 0])
})

test('a limit and its request agree', () => {
  const limited = [1, WAIT, 4, IOSQE_IO_LINK] as const
  isRight([...limited], [2, limit(FAR), -ECANCELED])
  isRight([2, limit(1), -ETIME], [1, WAIT, -ECANCELED, IOSQE_IO_LINK])
  isWrong(/a limit far away was reached/, [2, limit(FAR), -ETIME], [1, WAIT, -ECANCELED, IOSQE_IO_LINK])
  isWrong(/a limit ended so/, [...limited], [2, limit(1), 0])
})

test('a cancel that found something tells the truth', () => {
  isRight([2, cancel(1), 0], [1, WAIT, -ECANCELED])
  isRight([2, cancel(1), -EALREADY], [1, WAIT, 4], [3, cancel(9), -ENOENT])
  isWrong(/its target has 4/, [2, cancel(1), 0], [1, WAIT, 4])
  isWrong(/a cancel of one counts/, [2, cancel(1), 2], [1, WAIT, -ECANCELED])
  const remove: Op = { op: 'remove', what: 'poll', target: 1 }
  isRight([2, remove, 0], [1, poll(false), -ECANCELED])
  isWrong(/its target has 1/, [2, remove, 0], [1, poll(false), 1])
})

test('a poll tells of what was polled for, many times if it is multishot', () => {
  isRight([1, poll(true), -ECANCELED, 0, [1, 1]])
  isWrong(/more than one completion/, [1, poll(false), 1, 0, [1]])
  isWrong(/a poll told of something else/, [1, poll(true), -ECANCELED, 0, [4]])
  isWrong(/a poll ended so/, [1, poll(false), 4])
})

test('what breaks a link', () => {
  const fails = (op: Op, res: number) => isFailure({ userData: 1, flags: 0, op }, res)
  assert.equal(fails(time(1), -ETIME), true)
  assert.equal(fails({ op: 'timeout', ms: 1, count: 0, timeoutFlags: IORING_TIMEOUT_ETIME_SUCCESS }, -ETIME), false)
  assert.equal(fails(limit(1), -ETIME), false)
  assert.equal(fails(WAIT, 3), true)
})
