/**
 * Two runs of one program, normalised and compared. Any thread; pure.
 *
 * Compared are: what submit returned, each request's result, what reads put into memory, and the files at the end.
 * Order is no matter here: within chains invariants.ts has checked it, and elsewhere io_uring leaves it open.
 */
import { EALREADY, ECANCELED, EINTR, errnoName } from '../../src/lib/errno.js'
import { KNOWN } from './known.js'
import type { Observation, SeenEpoch } from './observation.js'
import { describeMember, type Member } from './program.js'

/** What differs, in words; empty if the runs agree, up to the known divergences. */
export function compare(left: Observation, right: Observation): string[] {
  const differences: string[] = []
  if (left.companion !== undefined && right.companion !== undefined) {
    differences.push(...compare(left.companion, right.companion).map((what) => `beside it: ${what}`))
  }
  compareLists('the returns of submit', left.returns, right.returns, differences)
  const epochs = Math.max(left.epochs.length, right.epochs.length)
  for (let i = 0; i < epochs; i++) {
    compareLists(`drain ${i + 1}`, normalise(left.epochs[i]), normalise(right.epochs[i]), differences)
  }
  const [here, there] = [left, right].map(({ files }) =>
    [...(files ?? [])].map(([name, bytes]) => `${name} ${Buffer.from(bytes).toString('base64')}`),
  )
  if (here!.join() !== there!.join()) differences.push('the files differ')
  compareLists('the tree', left.tree ?? [], right.tree ?? [], differences)
  return differences.filter((difference) => !KNOWN.some(({ pattern }) => pattern.test(difference)))
}

function compareLists(what: string, left: readonly string[], right: readonly string[], differences: string[]): void {
  const nr = Math.max(left.length, right.length)
  for (let i = 0; i < nr; i++) {
    if (left[i] !== right[i]) differences.push(`${what}: ${left[i] ?? 'nothing'} | ${right[i] ?? 'nothing'}`)
  }
}

/** One line for each request, in the order of submission. */
function normalise(epoch: SeenEpoch | undefined): string[] {
  if (epoch === undefined) return []
  return epoch.chains.flatMap(({ members, cqes }) =>
    members.map((member) => {
      const res = cqes.find((cqe) => cqe.userData === member.userData)?.res
      const size = member.op.op === 'statx' && res === 0 && member.op.path.kind === 'file'
      const isOpen = member.op.op === 'contend'
      const data =
        res !== undefined && res > 0 && !isOpen ? epoch.buffers.get(member.userData)?.subarray(0, res) : undefined
      const facts = [
        resultText(member, res, epoch),
        ...(size ? [`${epoch.sizes.get(member.userData)} bytes`] : []),
        ...(data ? [Buffer.from(data).toString('hex')] : []),
      ]
      return `${describeMember(member)} -> ${facts.join(', ')}`
    }),
  )
}

/** A result; fds, and the ways in which a waiting request is cancelled, under one name each. */
function resultText({ op }: Member, res: number | undefined, epoch: SeenEpoch): string {
  if (res === undefined) return 'nothing'
  if ((op.op === 'openat' || op.op === 'openat2') && res >= 0) return 'an fd'
  if (op.op === 'wait' && (res === -ECANCELED || res === -EINTR)) return 'cancelled'
  if (op.op === 'cancel' && (res >= 0 || res === -EALREADY) && isWaiting(epoch, op.target)) return 'found'
  return res < 0 ? `-${errnoName(res)}` : `${res}`
}

function isWaiting(epoch: SeenEpoch, userData: number): boolean {
  return epoch.chains.some(({ members }) => members.some((m) => m.userData === userData && m.op.op === 'wait'))
}
