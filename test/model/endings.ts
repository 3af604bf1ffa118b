/**
 * Rules for what waits, is timed, is cancelled or drained: how it may end, given how the rest did. Any thread; pure.
 *
 * By ARCHITECTURE.md's invariants: a drain overlaps with nothing (19), a cancel that found something tells the truth
 * (10), a count is met by completions (20), a limit and its request agree (21). What is cancelled was cancelled by
 * somebody.
 */
import { IORING_ASYNC_CANCEL_ALL, POLLIN } from '../../src/abi/constants.js'
import { EALREADY, EBADF, ECANCELED, EINTR, EINVAL, ENOENT, EOWNERDEAD, ETIME } from '../../src/lib/errno.js'
import type { SeenChain, SeenEpoch } from './observation.js'
import { describeMember, FAR, isBroad, isSpoiled, isWaiter, type Member } from './program.js'

/** Whether the member may be cancelled though its chain goes well: by its limit, or by a sweep. */
export function mayBeCancelled({ members }: SeenChain, member: Member, epoch: SeenEpoch): boolean {
  const { op } = member
  if (isWaiter(op) || op.op === 'timeout' || op.op === 'link timeout') return true
  const next = members[members.indexOf(member) + 1]?.op
  if (next?.op === 'link timeout' && next.ms !== FAR) return true
  return isSwept(epoch)
}

/** Whether a cancel may have hit anything. */
function isSwept({ chains }: SeenEpoch): boolean {
  return chains.some(({ members }) => members.some(({ op }) => isBroad(op)))
}

export function checkEndings(epoch: SeenEpoch, broken: string[]): void {
  const results = new Map<number, number>()
  for (const { cqes } of epoch.chains) for (const { userData, res } of cqes) results.set(userData, res)
  for (const chain of epoch.chains) {
    if (!isSpoiled(chain.members))
      for (const member of chain.members) checkEnding(chain, member, results, epoch, broken)
  }
  checkDrains(epoch, broken)
  for (const { target, res } of epoch.syncCancels) {
    const end = results.get(target)
    if (res !== 0 && res !== -ENOENT) broken.push(`a sync cancel of ${target} returned ${res}`)
    if (res === 0 && !wasInterrupted(end)) broken.push(`a sync cancel found ${target}, which ended with ${end}`)
  }
}

function wasInterrupted(res: number | undefined): boolean {
  return res === -ECANCELED || res === -EINTR || res === -EOWNERDEAD
}

function checkEnding(
  chain: SeenChain,
  member: Member,
  results: ReadonlyMap<number, number>,
  epoch: SeenEpoch,
  broken: string[],
): void {
  const { op, userData } = member
  const res = results.get(userData)
  const at = chain.members.indexOf(member)
  // Silent, or behind a broken link: that is the business of the chain's own rules.
  if (res === undefined || (at > 0 && res === -ECANCELED)) return
  // Whatever came of it: its thread died, or there was none.
  if (res === -EOWNERDEAD || (epoch.lacksThreads && res === -ECANCELED)) return
  if (res === -ECANCELED && (op.op === 'remove' || op.op === 'cancel') && isSwept(epoch)) return
  const complain = (what: string) => broken.push(`${what}: ${describeMember(member)} -> ${res}`)
  const more = chain.more.filter((cqe) => cqe.userData === userData)
  if (more.length > 0 && !(op.op === 'poll' && op.multishot)) complain('more than one completion')
  switch (op.op) {
    case 'timeout':
      if (res === -ETIME ? op.ms === FAR : res === 0 ? op.count === 0 : res !== -ECANCELED) complain('a time ended so')
      if (res === 0 && epoch.order.indexOf(userData) + nrMore(epoch) < op.count) complain('a count met too soon')
      if (res === -ECANCELED && op.ms !== FAR && !mayBeNamed(epoch, userData)) complain('cancelled by nobody')
      return
    case 'poll':
      if (res < 0 ? res !== -ECANCELED : (res & POLLIN) === 0) complain('a poll ended so')
      if (more.some((cqe) => (cqe.res & POLLIN) === 0)) complain('a poll told of something else')
      return
    case 'link timeout': {
      const limited = results.get(chain.members[at - 1]!.userData)
      if (![-ETIME, -ENOENT, -EALREADY].includes(res)) complain('a limit ended so')
      if (op.ms === FAR) complain(`a limit far away was reached, of a request with ${limited}`)
      return
    }
    case 'remove':
      if (![0, -ENOENT, -EALREADY].includes(res)) complain('a removal ended so')
      if (res === 0 && results.get(op.target) !== -ECANCELED) complain(`its target has ${results.get(op.target)}`)
      return
    case 'cancel': {
      const isSweep = (op.flags & IORING_ASYNC_CANCEL_ALL) !== 0 || isBroad(op)
      if (res < 0 && ![-ENOENT, -EALREADY, -EBADF, -EINVAL].includes(res)) complain('a cancel ended so')
      if (!isSweep && res > 0) complain('a cancel of one counts')
      if (!isSweep && res === 0 && !wasInterrupted(results.get(op.target))) {
        complain(`its target has ${results.get(op.target)}`)
      }
      return
    }
  }
}

/** Completions that count as well, but are not the last of their request. */
function nrMore({ chains }: SeenEpoch): number {
  return chains.reduce((nr, { more }) => nr + more.length, 0)
}

/** Whether some cancel may have been for this request. */
function mayBeNamed({ chains, syncCancels }: SeenEpoch, userData: number): boolean {
  if (syncCancels.some(({ target }) => target === userData)) return true
  return chains.some(({ members }) =>
    members.some(
      ({ op }, i) =>
        isBroad(op) ||
        ((op.op === 'cancel' || op.op === 'remove') && op.target === userData) ||
        (op.op === 'link timeout' && op.ms !== FAR && members[i - 1]?.userData === userData),
    ),
  )
}

/** What is drained begins when all before has ended, and ends before anything behind begins. */
function checkDrains({ chains, order }: SeenEpoch, broken: string[]): void {
  const place = new Map(order.map((userData, i) => [userData, i]))
  const span = ({ members }: SeenChain) => {
    const places = members.flatMap(({ userData }) => place.get(userData) ?? [])
    return { first: Math.min(...places), last: Math.max(...places) }
  }
  const runs = chains.filter(({ members }) => !isSpoiled(members))
  runs.forEach((chain, i) => {
    if (!chain.drains) return
    const { first, last } = span(chain)
    const name = chain.members[0]!.userData
    runs.forEach((other, j) => {
      const there = span(other)
      if (j < i && there.last > first)
        broken.push(`the drain at ${name} did not wait for ${other.members[0]!.userData}`)
      if (j > i && there.first < last)
        broken.push(`${other.members[0]!.userData} did not wait for the drain at ${name}`)
    })
  })
}
