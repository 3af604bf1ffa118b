/**
 * What a bench found, as JSON for programs and as a table for people. Main thread.
 *
 * The JSON is `{ bench, machine, rows, ratios }` with the fields below and no others (maxUs and bytesPerOp where the
 * bench has it), so that figures of two days can be compared; it names no host and no path of this machine.
 */
import { availableParallelism, cpus, release } from 'node:os'

/** Medians over the rounds. */
export interface Row {
  subject: string
  setting: string
  opsPerSec: number
  p50Us: number
  p99Us: number
  /** The longest latency of a round, in the benches that ask for it. */
  maxUs?: number
  /** In the table alone. */
  mbPerSec?: number
  /** Memory of an operation that waits, in the benches that ask for it. */
  bytesPerOp?: number
}

/** How many times the operations of `to` the subject `of` did in the same round. */
export interface Ratio {
  of: string
  to: string
  setting: string
  median: number
  min: number
  max: number
}

export interface Report {
  bench: string
  machine: { cpu: string; cores: number; node: string; kernel: string }
  rows: Row[]
  ratios: Ratio[]
}

export function machine(): Report['machine'] {
  return {
    cpu: cpus()[0]?.model.trim() ?? process.arch,
    cores: availableParallelism(),
    node: process.version,
    kernel: release(),
  }
}

/** One line. */
export function toJson({ bench, machine, rows, ratios }: Report): string {
  return JSON.stringify({
    bench,
    machine,
    rows: rows.map(({ subject, setting, opsPerSec, p50Us, p99Us, maxUs, bytesPerOp }) => ({
      subject,
      setting,
      opsPerSec: rounded(opsPerSec),
      p50Us: rounded(p50Us),
      p99Us: rounded(p99Us),
      ...(maxUs === undefined ? {} : { maxUs: rounded(maxUs) }),
      ...(bytesPerOp === undefined ? {} : { bytesPerOp: rounded(bytesPerOp) }),
    })),
    ratios: ratios.map(({ of, to, setting, median, min, max }) => ({
      of,
      to,
      setting,
      median: rounded(median),
      min: rounded(min),
      max: rounded(max),
    })),
  })
}

export function toTable({ bench, machine, rows, ratios }: Report, question: string, unit: string): string {
  const { cpu, cores, node, kernel } = machine
  const lines = [`${bench}: ${question}`, `${cpu}, ${cores} cores, Node ${node}, Linux ${kernel}`]
  const hasSize = rows.some((row) => row.mbPerSec !== undefined)
  const hasMax = rows.some((row) => row.maxUs !== undefined)
  const hasBytes = rows.some((row) => row.bytesPerOp !== undefined)
  for (const setting of new Set(rows.map((row) => row.setting))) {
    const head = [
      setting,
      `${unit}/s`,
      ...(hasSize ? ['MB/s'] : []),
      'p50 us',
      'p99 us',
      ...(hasMax ? ['max us'] : []),
      ...(hasBytes ? ['bytes'] : []),
    ]
    const body = rows
      .filter((row) => row.setting === setting)
      .map((row) => [
        row.subject,
        shown(row.opsPerSec),
        ...(hasSize ? [shown(row.mbPerSec ?? Number.NaN)] : []),
        shown(row.p50Us),
        shown(row.p99Us),
        ...(hasMax ? [shown(row.maxUs ?? Number.NaN)] : []),
        ...(hasBytes ? [shown(row.bytesPerOp ?? Number.NaN)] : []),
      ])
    lines.push('', ...aligned([head, ...body]))
    const compared = ratios
      .filter((ratio) => ratio.setting === setting)
      .map(({ of, to, median, min, max }) => [`${of} : ${to}`, ...[median, min, max].map((x) => x.toFixed(2))])
    if (compared.length > 0) lines.push('', ...aligned([['ratio', 'median', 'min', 'max'], ...compared]))
  }
  return lines.join('\n')
}

/** Columns: the first to the left, the others to the right. */
function aligned(cells: readonly (readonly string[])[]): string[] {
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  return cells.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
}

function shown(value: number): string {
  if (Number.isNaN(value)) return '-'
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}

/** Four figures and more are noise. */
function rounded(value: number): number {
  return value >= 1000 ? Math.round(value) : Number(value.toPrecision(4))
}
