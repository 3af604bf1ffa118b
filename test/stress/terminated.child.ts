/** The process of terminated.ts: runs what its first argument says, and prints the line. Main thread. */
import { runTerminated, type Terminated } from './terminated.js'

const [, , options = '{}'] = process.argv
console.log(await runTerminated(JSON.parse(options) as Terminated))
