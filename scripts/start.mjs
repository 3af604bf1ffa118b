/**
 * `npm start -- ARGS` runs the `uring` command with ARGS; alone it runs `uring sum node_modules --stats`.
 *
 * Installs and builds first if need be. The command runs in this process: a second one would cost 40 ms.
 */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt, ensureInstalled, root, SetupError } from './setup.mjs'

try {
  ensureInstalled()
  await ensureBuilt()
} catch (error) {
  console.error(error instanceof SetupError ? `start: ${error.message}` : error)
  process.exit(1)
}

const args = process.argv.slice(2)
const main = join(root, 'dist/lib/uring.js')
if (!existsSync(main)) {
  console.error('start: the build made no dist/lib/uring.js')
  process.exit(1)
}
// npm runs scripts from the project's root; paths the user typed are relative to where the user stands.
if (args.length > 0) process.chdir(process.env.INIT_CWD ?? root)
process.argv = [process.execPath, main, ...(args.length > 0 ? args : ['sum', 'node_modules', '--stats'])]
await import(pathToFileURL(main).href)
