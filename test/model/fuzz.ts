/**
 * `node dist/test/model/fuzz.js [--runs N] [--seed S] [--seconds T] [--show]`: generated programs on every backend,
 * N of them, or as many as T seconds let run. Prints each wrong program, shrunk, and what is wrong with it. Main thread.
 */
import { parseArgs } from 'node:util'
import { nowMs } from '../../src/lib/clock.js'
import { generate } from './generate.js'
import { describe } from './program.js'
import { shrink } from './shrink.js'
import { holdWorkers, missing, names, report, Tally, trial } from './trial.js'

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    seed: { type: 'string' },
    seconds: { type: 'string' },
    show: { type: 'boolean' },
  },
})
const runs = Number(values.runs ?? 1000)
const seed = Number(values.seed ?? Date.now() % 1_000_000_000)

console.log(`--runs ${runs} --seed ${seed} on ${names.join(' and ')}`)
for (const reason of missing) console.log(`not compared: ${reason}`)
const release = holdWorkers()
const tally = new Tally()
let nrWrong = 0
let nrRun = 0
const untilMs = nowMs() + Number(values.seconds ?? Infinity) * 1000
for (let i = 0; i < runs && nowMs() < untilMs; i++) {
  nrRun++
  const program = generate(seed + i)
  if (values.show) console.log(describe(program))
  const wrong = await trial(program, tally)
  if (wrong.length === 0) continue
  nrWrong++
  const small = await shrink(program, async (smaller) => (await trial(smaller)).length > 0)
  const again = await trial(small)
  console.log(`\n--seed ${seed + i} --runs 1: ${again.length > 0 ? report(small, again) : report(program, wrong)}`)
}
release()
for (const line of tally.lines()) console.log(line)
console.log(`${nrRun} programs, ${nrWrong} wrong`)
process.exitCode = nrWrong === 0 ? 0 : 1
