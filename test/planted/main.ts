/**
 * `npm run planted -- [WORD…]`: plants each fault of the list (whose name or file contains a word), as many at once as there
 * are cores, and says which of them no test catches. Main thread.
 */
import { availableParallelism } from 'node:os'
import { FAULTS } from './faults.js'
import { survives } from './plant.js'

const LIMIT_MS = 90_000
const words = process.argv.slice(2)
const chosen = FAULTS.filter(
  ({ name, file }) => words.length === 0 || words.some((word) => `${name} ${file}`.includes(word)),
)
let nrLeft = 0
let next = 0
const lane = async () => {
  for (let fault = chosen[next++]; fault !== undefined; fault = chosen[next++]) {
    const start = performance.now()
    const left = (await survives(fault, LIMIT_MS)) !== undefined
    if (left) nrLeft++
    console.log(
      `${left ? 'SURVIVES' : 'caught  '} ${fault.name} (${fault.file}): ${fault.test}, ${Math.round(performance.now() - start)} ms`,
    )
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, lane))
console.log(`${chosen.length} planted, ${nrLeft} survive`)
process.exitCode = nrLeft === 0 && chosen.length > 0 ? 0 : 1
