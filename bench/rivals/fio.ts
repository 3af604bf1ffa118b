/**
 * The rival `fio --ioengine=io_uring`: the same reads in the same order, by replay of a log. Main thread; each round is
 * a process.
 *
 * fio is left its own ways wherever the question allows: setup flags, non-vectored reads, a thread instead of a process.
 * Batching is that of RawLoop. Of its three clocks an operation one is left on, for the latency.
 */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Plan, Round } from '../bench.js'

const run = promisify(execFile)
const PROBE_READS = 2000
const LIMIT_MS = 60_000

export interface FioJob {
  readonly path: string
  readonly scratchDir: string
  readonly sizeBytes: number
  readonly blockBytes: number
  readonly depth: number
  /** The offset of the i-th read, in bytes. */
  offsetOf(i: number): number
}

/** Whether fio and its io_uring engine work here; leaves `subject` out otherwise. */
export async function hasFio(plan: Plan, subject: string, job: FioJob): Promise<boolean> {
  try {
    await replay(job, await writeLog(job, 1))
    return true
  } catch (error) {
    const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string }
    plan.leaveOut(subject, code === 'ENOENT' ? 'fio is not installed' : (stderr || message).trim().split('\n')[0]!)
    return false
  }
}

/** A function that runs a round of about the plan's length. The first call finds out how many reads that takes. */
export function fioRounds(plan: Plan, job: FioJob): () => Promise<Round> {
  let log: string | undefined
  return async () => {
    if (log === undefined) {
      const probe = await replay(job, await writeLog(job, PROBE_READS))
      log = await writeLog(job, Math.max(PROBE_READS, Math.ceil((probe.opsPerSec * plan.roundMs) / 1000)))
    }
    return replay(job, log)
  }
}

async function writeLog(job: FioJob, nrReads: number): Promise<string> {
  const { path, blockBytes } = job
  const lines = ['fio version 2 iolog', `${path} add`, `${path} open`]
  for (let i = 0; i < nrReads; i++) lines.push(`${path} read ${job.offsetOf(i)} ${blockBytes}`)
  lines.push(`${path} close`, '')
  const log = join(job.scratchDir, `fio-${job.depth}-${nrReads}.log`)
  await writeFile(log, lines.join('\n'))
  return log
}

interface FioReport {
  jobs: [{ read: { iops: number; total_ios: number; lat_ns: { percentile: Record<string, number> } } }]
}

async function replay({ path, blockBytes, sizeBytes, depth }: FioJob, log: string): Promise<Round> {
  const args = [
    '--name=read',
    `--filename=${path}`,
    `--size=${sizeBytes}`,
    `--bs=${blockBytes}`,
    '--rw=randread',
    `--read_iolog=${log}`,
    '--ioengine=io_uring',
    '--thread',
    // Buffered, and the cache left as it is: fio drops it otherwise.
    '--direct=0',
    '--invalidate=0',
    '--fadvise_hint=0',
    `--iodepth=${depth}`,
    `--iodepth_batch_submit=${depth}`,
    '--iodepth_batch_complete_min=1',
    `--iodepth_batch_complete_max=${depth}`,
    '--disable_slat=1',
    '--disable_clat=1',
    '--clat_percentiles=0',
    '--lat_percentiles=1',
    '--percentile_list=50:99',
    '--output-format=json',
  ]
  const { stdout } = await run('fio', args, { timeout: LIMIT_MS })
  const { read } = (JSON.parse(stdout) as FioReport).jobs[0]
  const percentile = (key: string) => (read.lat_ns.percentile[key] ?? Number.NaN) / 1000
  return { opsPerSec: read.iops, p50Us: percentile('50.000000'), p99Us: percentile('99.000000') }
}
