/**
 * Makes a failing program small: removes what it fails without, a piece at a time. Any thread; pure but for the trial.
 */
import { IOSQE_ASYNC, IOSQE_CQE_SKIP_SUCCESS, IOSQE_IO_DRAIN } from '../../src/abi/constants.js'
import { LINKS, type Member, type Program, type Step } from './program.js'

const BAD_FLAG = 0x80

/** The smallest program found that still fails; `fails` runs one. At most `maxTrials` runs. */
export async function shrink(
  program: Program,
  fails: (program: Program) => Promise<boolean>,
  maxTrials = 400,
): Promise<Program> {
  let best = program
  let nrTrials = 0
  for (let progress = true; progress; ) {
    progress = false
    for (const smaller of candidates(best)) {
      if (nrTrials++ >= maxTrials) return best
      if (!(await fails(smaller))) continue
      best = smaller
      progress = true
      break
    }
  }
  return best
}

/**
 * Programs with one piece less: runs of steps first, then steps, then members, then flags. A drain goes only when
 * nothing is left before it: without it, requests of before and after would run side by side.
 */
function* candidates(program: Program): Generator<Program> {
  const { steps, companion, fileLimit, ...alone } = program
  if (companion !== undefined) {
    yield { ...alone, steps, ...(fileLimit && { fileLimit }) }
    yield companion
    for (const smaller of candidates(companion)) yield { ...program, companion: smaller }
  }
  if (fileLimit !== undefined) yield { ...alone, steps, ...(companion && { companion }) }
  const withSteps = (next: readonly Step[]): Program => ({ ...program, steps: withoutIdleDrains(next) })
  for (let size = steps.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= steps.length; at += size) {
      const next = steps.filter(({ step }, i) => i < at || i >= at + size || step === 'drain')
      if (next.length < steps.length) yield withSteps(next)
    }
  }
  for (const [i, step] of steps.entries()) {
    if (step.step !== 'chain') continue
    for (const chain of smallerChains(step.members)) yield withSteps(steps.with(i, chain))
    if (step.splitAfter !== undefined) yield withSteps(steps.with(i, { step: 'chain', members: step.members }))
  }
}

function withoutIdleDrains(steps: readonly Step[]): readonly Step[] {
  return steps.filter(({ step }, i) => step !== 'drain' || (i > 0 && steps[i - 1]!.step !== 'drain'))
}

function* smallerChains(members: readonly Member[]): Generator<Step> {
  for (let i = 0; members.length > 1 && i < members.length; i++) {
    const left = members.filter((_, at) => at !== i)
    const last = left.at(-1)!
    // A last member that skips its completion could not be waited for.
    const flags = last.flags & ~(LINKS | IOSQE_CQE_SKIP_SUCCESS)
    yield { step: 'chain', members: left.with(-1, { ...last, flags }) }
  }
  for (const [i, member] of members.entries()) {
    for (const bit of [IOSQE_ASYNC, IOSQE_IO_DRAIN, IOSQE_CQE_SKIP_SUCCESS, BAD_FLAG]) {
      if ((member.flags & bit) === 0) continue
      yield { step: 'chain', members: members.with(i, { ...member, flags: member.flags & ~bit }) }
    }
  }
}
