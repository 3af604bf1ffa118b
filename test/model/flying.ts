/** A chain in flight: how far it has come, and whether it goes further by itself. Any thread; pure. */
import { IOSQE_CQE_SKIP_SUCCESS, IOSQE_IO_LINK } from '../../src/abi/constants.js'
import type { SeenCqe } from './observation.js'
import { FAR, isFailure, isWaiter, LINKS, type Member } from './program.js'

/** A chain in flight. */
export interface Flying {
  readonly members: readonly Member[]
  readonly drains: boolean
  readonly cqes: SeenCqe[]
  readonly more: SeenCqe[]
}

/** Whether a chain goes no further until its head is cancelled or let go. */
export function isStuck({ members: [head, second], cqes }: Flying): boolean {
  const hasEnded = (member: Member) => cqes.some(({ userData }) => userData === member.userData)
  if (!isWaiter(head!.op) || hasEnded(head!)) return false
  const isLimited = second?.op.op === 'link timeout' && second.op.ms !== FAR
  return !isLimited || hasEnded(second)
}

/** Whether no more completions of a chain are due. One that skips is over with its last, or where it told of failure. */
export function isDone({ members, cqes }: Flying): boolean {
  const seen = new Map(cqes.map(({ userData, res }) => [userData, res]))
  if (members.every(({ userData }) => seen.has(userData))) return true
  if (members.every(({ flags }) => (flags & IOSQE_CQE_SKIP_SUCCESS) === 0)) return false
  for (const [i, member] of members.entries()) {
    const res = seen.get(member.userData)
    if (res === undefined || !isFailure(member, res) || (member.flags & LINKS) !== IOSQE_IO_LINK) continue
    // Here the chain broke: whoever told of it by the way of skipping speaks for all behind.
    if ((member.flags & IOSQE_CQE_SKIP_SUCCESS) !== 0) return true
    return members.slice(i + 1).every(({ userData }) => seen.has(userData))
  }
  return seen.has(members.at(-1)!.userData)
}
