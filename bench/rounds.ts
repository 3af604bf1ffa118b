/**
 * Runs a bench: rounds interleaved over its subjects, then medians, and ratios taken round by round. Main thread.
 *
 * A machine's speed drifts, with its neighbours and its heat. Subjects that take turns drift together, so the ratio of
 * two rounds side by side holds where two absolute figures do not. Each round begins with another subject, since
 * whoever comes behind a heavy one pays for it. The first round warms up and is thrown away.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Bench, Plan, Round, Setting, Subject } from './bench.js'
import type { Ratio, Row } from './report.js'

setFlagsFromString('--expose-gc')
/** Before each round, so that nobody's garbage is another's work. */
const collectGarbage = runInNewContext('gc') as () => void

export interface Figures {
  rows: Row[]
  ratios: Ratio[]
}

/** `onRound` is told what is about to run. */
export async function runBench(
  bench: Bench,
  plan: Plan,
  nrRounds: number,
  onRound: (what: string) => void,
): Promise<Figures> {
  const figures: Figures = { rows: [], ratios: [] }
  for (const setting of await bench.settings(plan)) {
    const rounds = await runSetting(setting, nrRounds, onRound)
    for (const [subject, list] of rounds) figures.rows.push(rowOf(subject, setting.name, list))
    for (const [of, to] of bench.pairs) {
      const ratio = ratioOf(rounds.get(of), rounds.get(to))
      if (ratio !== undefined) figures.ratios.push({ of, to, setting: setting.name, ...ratio })
    }
  }
  return figures
}

async function runSetting(
  setting: Setting,
  nrRounds: number,
  onRound: (what: string) => void,
): Promise<Map<string, Round[]>> {
  const subjects = await setting.open()
  const rounds = new Map<string, Round[]>(subjects.map(({ name }) => [name, []]))
  try {
    for (let i = 0; i <= nrRounds; i++) {
      for (const subject of rotated(subjects, i)) {
        onRound(`${setting.name} ${i === 0 ? 'warm-up' : `round ${i}/${nrRounds}`} ${subject.name}`)
        collectGarbage()
        const round = await subject.round()
        if (i > 0) rounds.get(subject.name)!.push(round)
      }
    }
  } finally {
    for (const subject of subjects) await subject.close?.()
  }
  return rounds
}

function rotated(subjects: readonly Subject[], by: number): Subject[] {
  const first = by % Math.max(1, subjects.length)
  return [...subjects.slice(first), ...subjects.slice(0, first)]
}

function rowOf(subject: string, setting: string, rounds: readonly Round[]): Row {
  const row: Row = {
    subject,
    setting,
    opsPerSec: median(rounds.map((round) => round.opsPerSec)),
    p50Us: median(rounds.map((round) => round.p50Us)),
    p99Us: median(rounds.map((round) => round.p99Us)),
  }
  for (const extra of ['maxUs', 'mbPerSec', 'bytesPerOp'] as const) {
    const values = rounds.flatMap((round) => round[extra] ?? [])
    if (values.length > 0) row[extra] = median(values)
  }
  return row
}

function ratioOf(of: readonly Round[] | undefined, to: readonly Round[] | undefined) {
  if (of === undefined || to === undefined) return undefined
  const ratios = of.map((round, i) => round.opsPerSec / to[i]!.opsPerSec)
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}
