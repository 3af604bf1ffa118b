/**
 * `npm run explore -- [--minutes N] [--seed S] [--deaths N]`: histories of io-wq drawn by chance, each in many orders,
 * until the time is over. Prints each that breaks an invariant, and how `wq-random` replays it. Main thread.
 */
import { parseArgs } from 'node:util'
import { explore } from './explorer.js'
import { drawn } from './wq.table.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    deaths: { type: 'string', default: '2' },
  },
})
const SCHEDULES = 50
const first = Number(values.seed)
const deaths = Number(values.deaths)
const until = performance.now() + Number(values.minutes) * 60_000

console.log(`--seed ${first} --deaths ${deaths}`)
let seed = first
let [schedules, nrWrong] = [0, 0]
for (; performance.now() < until; seed++) {
  const { failure, schedules: nr } = await explore(drawn(seed, SCHEDULES, deaths))
  schedules += nr
  if (failure === undefined) continue
  nrWrong++
  console.log(`\n--seed ${seed} --deaths ${deaths}: ${failure.message}\nschedule: ${failure.schedule}`)
}
console.log(`${seed - first} histories, ${schedules} schedules, ${nrWrong} wrong`)
process.exitCode = nrWrong === 0 ? 0 : 1
