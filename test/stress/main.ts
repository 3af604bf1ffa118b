/**
 * `npm run stress -- [pool] [wq] [--jobs N] [--kills N] [--steps N] [--seed S] [--parts N]`: the proof runs of io-wq at
 * full size. A part is a run by itself, with the next seed. Main thread.
 */
import { parseArgs } from 'node:util'
import { stressPool } from './pool-stress.js'
import { stressSteps } from './steps.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: 'string', default: '1000000' },
    kills: { type: 'string', default: '2000' },
    steps: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    parts: { type: 'string', default: '10' },
  },
})
const [jobs, kills, steps, seed, parts] = [values.jobs, values.kills, values.steps, values.seed, values.parts].map(
  Number,
) as [number, number, number, number, number]
const share = (n: number) => Math.ceil(n / parts)
// Workers do not keep the process alive.
const alive = setInterval(() => {}, 60_000)

const stresses: Record<string, (seed: number) => Promise<string>> = {
  pool: (seed) => stressPool({ jobs: share(jobs), kills: share(kills), seed }),
  wq: (seed) => stressSteps({ steps: share(steps), seed }),
}
const names = positionals.length > 0 ? positionals : Object.keys(stresses)

for (const name of names) {
  const stress = stresses[name]
  if (stress === undefined) throw new Error(`no stress is called ${name}: pool, wq`)
  for (let part = 0; part < parts; part++) {
    const sizes = name === 'pool' ? `--jobs ${share(jobs)} --kills ${share(kills)}` : `--steps ${share(steps)}`
    console.log(`${name} ${sizes} --parts 1 --seed ${seed + part}`)
    const start = performance.now()
    const line = await stress(seed + part)
    console.log(`  ${line}; ${Math.round(performance.now() - start)} ms`)
  }
}
clearInterval(alive)
