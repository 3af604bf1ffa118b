/**
 * Makes a checkout runnable: installs from the lock file when it changed, builds when a source changed.
 *
 * Everything printed here goes to stderr, so that a command run afterwards has stdout to itself.
 * As a command: `node scripts/setup.mjs [--force | --no-build]`.
 */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { buildNative } from './native.mjs'

export const root = fileURLToPath(new URL('..', import.meta.url))
const INSTALL_STAMP = join(root, 'node_modules/.uring-install')
const BUILD_STAMP = join(root, 'dist/.build-stamp')
const SOURCE_FOLDERS = ['src', 'test', 'bench', 'examples']

/** Runs `npm ci` unless node_modules already matches package-lock.json. Throws when that fails. */
export function ensureInstalled() {
  const lock = readFileSync(join(root, 'package-lock.json'))
  const wanted = `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}\n`
  if (readIfThere(INSTALL_STAMP) === wanted) return
  // Somebody may have typed `npm ci` or `npm install`: what npm noted down then is as good as the stamp.
  if (!matchesHiddenLock(JSON.parse(lock.toString()))) {
    // Prebuilt binaries come as platform packages, so no install script is needed; and none may run.
    const flags = ['--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    run('npm', ['ci', ...flags], 'npm ci failed')
  }
  writeFileSync(INSTALL_STAMP, wanted)
}

/** Builds unless dist is newer than every source. Throws on type errors, after printing them. */
export async function ensureBuilt({ force = false } = {}) {
  const sources = SOURCE_FOLDERS.flatMap((folder) => listFiles(folder))
  const scripts = ['scripts/bundle.mjs', 'scripts/native.mjs']
  const inputs = [...sources, ...listFiles('native'), ...scripts, 'tsconfig.json', 'package.json', 'package-lock.json']
  const wanted = inputs.map((file) => fingerprint(file)).join('\n')
  if (!force && readIfThere(BUILD_STAMP) === wanted) return
  rmSync(BUILD_STAMP, { force: true })
  removeOrphans(new Set(sources))
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', root], 'the build failed')
  for (const file of sources) if (!file.endsWith('.ts')) copyToDist(file)
  // Loaded here and not above: before the installation there is no bundler.
  const { bundle } = await import('./bundle.mjs')
  await bundle(root)
  buildNative()
  mkdirSync(dirname(BUILD_STAMP), { recursive: true })
  writeFileSync(BUILD_STAMP, wanted)
}

/** The files below a folder of the project, as paths from its root with forward slashes, sorted. */
export function listFiles(folder) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length))
    .sort()
}

function fingerprint(file) {
  const { mtimeMs, size } = statSync(join(root, file))
  return `${file} ${mtimeMs} ${size}`
}

/** Deletes from dist what no source produces any more, so that a deleted test cannot go on passing. */
function removeOrphans(sources) {
  for (const file of listFiles('dist')) {
    if (file.startsWith('dist/lib/') || file.startsWith('dist/native/')) continue
    const source = file.slice('dist/'.length)
    if (sources.has(source) || sources.has(source.replace(/(\.js|\.js\.map|\.d\.ts)$/, '.ts'))) continue
    rmSync(join(root, file))
  }
}

function copyToDist(file) {
  const target = join(root, 'dist', file)
  mkdirSync(dirname(target), { recursive: true })
  copyFileSync(join(root, file), target)
}

/** True if node_modules/.package-lock.json, which npm writes, has the same packages as the lock file. */
function matchesHiddenLock(lock) {
  const text = readIfThere(join(root, 'node_modules/.package-lock.json'))
  if (text === undefined) return false
  const installed = JSON.parse(text).packages
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '' || ((entry.optional || entry.devOptional) && installed[path] === undefined)) continue
    if (installed[path]?.integrity !== entry.integrity) return false
  }
  return Object.keys(installed).every((path) => lock.packages[path] !== undefined)
}

function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

function run(command, args, complaint) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (error !== undefined) throw error
  if (status !== 0) throw new SetupError(complaint)
}

/** A step failed and has already said why. */
export class SetupError extends Error {}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    ensureInstalled()
    if (!process.argv.includes('--no-build')) await ensureBuilt({ force: process.argv.includes('--force') })
  } catch (error) {
    console.error(error instanceof SetupError ? `setup: ${error.message}` : error)
    process.exitCode = 1
  }
}
