/**
 * The native part, native/uring_ffi.c: compiled for this machine where there is a C compiler, else taken as it was built
 * before. What the package ships are the binaries in native/prebuilt, which this keeps and checks.
 *
 * `npm run native` compiles those anew, for which it wants both compilers; `--stage` puts them into dist for packing, and
 * fails if one is not of this source. A binary names the source that it was compiled from, so an old one is known without
 * a compiler.
 */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const SOURCE = 'native/uring_ffi.c'

/** What is shipped: the compilers that make it, the first for a machine of its kind, and the options of its own. */
const TARGETS = {
  'linux-x64': { compilers: ['cc', 'x86_64-linux-gnu-gcc'], options: ['-fcf-protection=none'] },
  'linux-arm64': { compilers: ['cc', 'aarch64-linux-gnu-gcc'], options: ['-mbranch-protection=none'] },
}

/**
 * Named one by one, whatever a distribution's compiler does by itself: nothing of the machine it runs on gets into the
 * binary, and none of its libraries. It stays in memory once loaded: no thread's end unmaps what another runs.
 */
const OPTIONS = [
  ...['-std=c11', '-O2', '-Wall', '-Wextra', '-Werror', '-ffreestanding', '-fPIC', '-fvisibility=hidden'],
  ...['-fno-ident', '-fno-stack-protector', '-nostdlib', '-shared', '-s'],
  ...['--build-id=none', '-z,now', '-z,relro', '-z,nodelete', '-z,noexecstack'].map((one) => `-Wl,${one}`),
]

const host = `${process.platform}-${process.arch}`

/** The source and the options for a target, as a hash. */
function sourceHash(target) {
  const options = [...OPTIONS, ...(TARGETS[target]?.options ?? [])]
  const hash = createHash('sha256')
    .update(readFileSync(join(root, SOURCE)))
    .update(options.join(' '))
  return hash.digest('hex')
}

/** Compiles for a target; returns undefined, or why it could not. */
export function compile(target, output) {
  const { compilers, options } = TARGETS[target] ?? { compilers: ['cc'], options: [] }
  const compiler = compilers[target === host ? 0 : 1]
  const hash = `-DSOURCE_HASH="${sourceHash(target)}"`
  mkdirSync(dirname(output), { recursive: true })
  const args = [...OPTIONS, ...options, hash, SOURCE, '-o', output]
  const { status, error, stderr } = spawnSync(compiler, args, { cwd: root, encoding: 'utf8' })
  if (error !== undefined) return `no C compiler for ${target}: ${compiler} (${error.code})`
  return status === 0 ? undefined : `${compiler} cannot compile ${SOURCE} for ${target}:\n${stderr}`
}

/** Compiler and linker of a target by their versions; undefined where they are not here. Others make other bytes. */
export function toolsOf(target) {
  const compiler = TARGETS[target].compilers[target === host ? 0 : 1]
  const version = spawnSync(compiler, ['-dumpfullversion'], { encoding: 'utf8' })
  const linker = spawnSync(compiler, ['-Wl,--version'], { encoding: 'utf8' })
  if (version.status !== 0 || linker.status !== 0) return undefined
  return `gcc ${version.stdout.trim()}, ${linker.stdout.split('\n', 1)[0]}`
}

/** The kept binary of a target. */
export function prebuilt(target) {
  return join(root, 'native/prebuilt', `${target}.node`)
}

/** By which tools the kept binaries were made, by target. */
export const TOOLS_FILE = join(root, 'native/prebuilt/tools.json')

/** Whether a binary is there and was compiled from the source as it is. */
function isOfThisSource(file, target) {
  return existsSync(file) && readFileSync(file).includes(sourceHash(target))
}

/** Puts into dist/native what this machine runs, and the others for the package. Prints why one is missing. */
export function buildNative() {
  rmSync(join(root, 'dist/native'), { recursive: true, force: true })
  mkdirSync(join(root, 'dist/native'), { recursive: true })
  for (const target of new Set([host, ...Object.keys(TARGETS)])) {
    const output = join(root, 'dist/native', `${target}.node`)
    const complaint = target === host ? compile(target, output) : 'it is for other machines'
    if (complaint === undefined) continue
    if (isOfThisSource(prebuilt(target), target)) copyFileSync(prebuilt(target), output)
    else console.error(`native: no ${target}.node, so koffi is used there: ${complaint}`)
  }
}

/** What stands in the way of shipping: binaries that are missing, or of another source. */
export function staleBinaries() {
  return Object.keys(TARGETS).filter((target) => !isOfThisSource(prebuilt(target), target))
}

/** Puts the kept binaries into dist/native, as they are. Throws unless all are there. */
function stage() {
  const stale = staleBinaries()
  if (stale.length > 0) {
    throw new Error(`native/prebuilt has no binary of this source for ${stale.join(', ')}: npm run native makes them`)
  }
  for (const target of Object.keys(TARGETS)) copyFileSync(prebuilt(target), join(root, 'dist/native', `${target}.node`))
}

/** Makes the kept binaries anew: all or none. */
function rebuild() {
  const scratch = mkdtempSync(join(tmpdir(), 'uring-native-'))
  try {
    for (const target of Object.keys(TARGETS)) {
      const complaint = compile(target, join(scratch, target))
      if (complaint !== undefined) throw new Error(complaint)
    }
    mkdirSync(join(root, 'native/prebuilt'), { recursive: true })
    for (const target of Object.keys(TARGETS)) copyFileSync(join(scratch, target), prebuilt(target))
    const tools = Object.fromEntries(Object.keys(TARGETS).map((target) => [target, toolsOf(target)]))
    writeFileSync(TOOLS_FILE, `${JSON.stringify(tools, undefined, 2)}\n`)
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    const [, , what] = process.argv
    if (what === '--stage') stage()
    else if (what === undefined) rebuild()
    else throw new Error(`no ${what}: nothing, or --stage`)
  } catch (error) {
    console.error(`native: ${error.message}`)
    process.exitCode = 1
  }
}
