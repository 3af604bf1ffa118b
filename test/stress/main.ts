/**
 * `npm run stress -- [pool] [wq] [dropped] [terminated] [ends] [positions] [large] [--jobs N] [--kills N] [--steps N] [--rounds N]
 * [--ends N] [--seed S] [--parts N]`: the proof runs of io-wq, of the memory that operations use, of threads that end, and
 * of what is done at a file's own position, at full size. A part is a run by itself, with the next seed. Main thread.
 */
import { parseArgs } from 'node:util'
import { stressDropped } from './dropped.js'
import { stressEnds } from './ends.js'
import { stressLarge } from './large.js'
import { stressPool } from './pool-stress.js'
import { stressPositions } from './positions.js'
import { stressSteps } from './steps.js'
import { stressTerminated } from './terminated.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: 'string', default: '1000000' },
    kills: { type: 'string', default: '2000' },
    steps: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '200' },
    ends: { type: 'string', default: '5000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    parts: { type: 'string', default: '10' },
  },
})
const jobs = Number(values.jobs)
const kills = Number(values.kills)
const steps = Number(values.steps)
const rounds = Number(values.rounds)
const ends = Number(values.ends)
const seed = Number(values.seed)
const parts = Number(values.parts)
const share = (n: number) => Math.ceil(n / parts)
// Workers do not keep the process alive.
const alive = setInterval(() => {}, 60_000)

/** By name: the sizes of a part, as options, and the part. */
const stresses: Record<string, [sizes: string, run: (seed: number) => Promise<string>]> = {
  pool: [
    `--jobs ${share(jobs)} --kills ${share(kills)}`,
    (seed) => stressPool({ jobs: share(jobs), kills: share(kills), seed }),
  ],
  wq: [`--steps ${share(steps)}`, (seed) => stressSteps({ steps: share(steps), seed })],
  dropped: [`--rounds ${share(rounds)}`, (seed) => onBoth(stressDropped, seed)],
  ends: [`--ends ${share(ends)}`, (seed) => stressEnds({ ends: share(ends), seed, backends: ['kernel', 'threads'] })],
  terminated: [`--rounds ${share(rounds)}`, (seed) => onBoth(stressTerminated, seed)],
  large: ['', stressLarge],
  positions: [`--rounds ${share(rounds)}`, (seed) => onBoth(stressPositions, seed)],
}
/** Asked for by name alone: it takes 12 GiB of memory. */
const names = positionals.length > 0 ? positionals : Object.keys(stresses).filter((name) => name !== 'large')

async function onBoth(
  stress: (options: { backend: 'kernel' | 'threads'; rounds: number; seed: number }) => Promise<string>,
  seed: number,
): Promise<string> {
  const lines: string[] = []
  for (const backend of ['kernel', 'threads'] as const) {
    lines.push(await stress({ backend, rounds: share(rounds), seed }))
  }
  return lines.join('; ')
}

for (const name of names) {
  const stress = stresses[name]
  if (stress === undefined) throw new Error(`no stress is called ${name}: ${Object.keys(stresses).join(', ')}`)
  const [sizes, run] = stress
  for (let part = 0; part < parts; part++) {
    console.log(`${name} ${sizes} --parts 1 --seed ${seed + part}`)
    const start = performance.now()
    const line = await run(seed + part)
    console.log(`  ${line}; ${Math.round(performance.now() - start)} ms`)
  }
}
clearInterval(alive)
