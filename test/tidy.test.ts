/**
 * The house rules a machine can check: floors, dead files, file heads, banned words, the export map. Main thread only.
 *
 * Each test lists every violation it finds. Words that may not appear in the tree are put together here, so that this
 * file does not catch itself. To widen a rule for a good reason, change the table, not the check.
 */

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Which folder of src stands on which floor. A folder imports only from lower ones. */
const FLOORS: Record<string, number> = {
  lib: 0,
  abi: 1,
  sys: 2,
  wq: 3,
  ring: 4,
  'backends/kernel': 4,
  'backends/threads': 4,
  driver: 5,
  fs: 6,
  net: 6,
  pool: 6,
  inspect: 7,
  compat: 7,
  cli: 8,
  '': 9, // src/index.ts
}
/**
 * Inner floors: which rooms of a folder a room may import from, types included; '' is its root. What is left out it never
 * imports, so two sides that may not know each other have but those below both in common. A thread's entry is started,
 * by `new URL`, and not imported.
 */
const ROOMS: Record<string, Record<string, readonly string[]>> = {
  // The owner's side is jobs, home, give and the root; the other side is the workers'.
  pool: {
    values: [],
    between: ['values'],
    jobs: ['values', 'between'],
    home: ['values', 'between', 'jobs'],
    give: ['values', 'between', 'jobs', 'home'],
    '': ['values', 'between', 'jobs', 'home', 'give'],
    worker: ['values', 'between'],
    post: ['between'],
  },
  'backends/threads': upwards('state', 'rsrc', 'request', 'wait', 'ops', 'run', 'register', ''),
}
/** Import circles that must stay, types included: their files in order, and why. To open one, take it out. */
const CIRCLES: readonly (readonly [files: readonly string[], why: string])[] = []
/** How many these are. It only falls. */
const MAX_CIRCLES = 0
const MAX_LINES = 500
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.git'])

const STRINGS_OR_COMMENTS =
  /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g

type Source = { file: string; text: string; code: string; refs: Ref[] }
type Ref = { specifier: string; target: string | undefined; isStarted: boolean }

const bundler = pathToFileURL(join(ROOT, 'scripts/bundle.mjs')).href
const { GROUPS } = (await import(bundler)) as { GROUPS: Record<string, string>[] }

const tree = listFiles('')
const sources = tree.filter((file) => /^(src|test|bench|examples)\/.*\.ts$/.test(file)).map(readSource)
const src = sources.filter(({ file }) => file.startsWith('src/'))
const byFile = new Map(sources.map((source) => [source.file, source]))
const manifest = JSON.parse(read('package.json')) as {
  bin: Record<string, string>
  exports: Record<string, string | Record<string, string>>
}

test('a folder imports only from lower floors, and never from another folder on its own', () => {
  const violations: string[] = []
  for (const { file, refs } of src) {
    const from = folderOf(file)
    const floor = FLOORS[from]
    if (floor === undefined) violations.push(`${file}: src/${from} is on no floor`)
    if (from === '' && !/^src\/index(\.test)?\.ts$/.test(file)) violations.push(`${file}: belongs in a folder`)
    for (const { specifier, target } of refs) {
      if (target === undefined) continue
      if (!target.startsWith('src/')) {
        if (target !== 'package.json') violations.push(`${file}: '${specifier}' lies outside src`)
        continue
      }
      const to = folderOf(target)
      if (to === from) continue
      const below = FLOORS[to]
      if (floor === undefined || below === undefined) violations.push(`${file}: '${specifier}' is on no floor`)
      else if (below >= floor) {
        violations.push(`${file} (floor ${floor}): '${specifier}' is on floor ${below}`)
      }
    }
  }
  none(violations)
})

test('a room of a folder imports only from those that the table of rooms names', () => {
  const violations: string[] = []
  for (const { file, refs } of src) {
    const rooms = ROOMS[folderOf(file)]
    if (rooms === undefined) continue
    const from = roomOf(file)
    const below = rooms[from]
    if (below === undefined) violations.push(`${file}: '${from}' is no room`)
    for (const { specifier, target, isStarted } of refs) {
      if (isStarted || target === undefined || !target.startsWith('src/')) continue
      if (folderOf(target) !== folderOf(file)) continue
      const to = roomOf(target)
      if (to !== from && below?.includes(to) !== true) violations.push(`${file}: '${specifier}' is not below`)
    }
  }
  none(violations)
})

test('no files of src or bench import each other in a circle, types included, but those in the list', () => {
  const found = circlesOf(sources.filter(({ file }) => /^(src|bench)\//.test(file))).map((files) => files.join(', '))
  const listed = CIRCLES.map(([files]) => files.join(', '))
  none([
    ...found.filter((circle) => !listed.includes(circle)).map((circle) => `a circle: ${circle}`),
    ...listed.filter((circle) => !found.includes(circle)).map((circle) => `listed, and there is none: ${circle}`),
  ])
})

test('the list of circles does not grow', () => {
  assert.equal(CIRCLES.length, MAX_CIRCLES, 'MAX_CIRCLES is how many are listed, and only falls')
  none(CIRCLES.filter(([, why]) => why === '').map(([files]) => `no reason: ${files.join(', ')}`))
})

test('only src/lib/barrier.ts uses Atomics', () => {
  const offenders = src.filter(({ file, code }) => file !== 'src/lib/barrier.ts' && /\bAtomics\b/.test(code))
  none(offenders.map(({ file }) => file))
})

test('what Node provides on its global object and on process is taken by src/lib/globals.ts alone', () => {
  const taking = /^(src\/lib\/globals\.ts)$/
  const functions =
    /(?<![\w.#])(setTimeout|clearTimeout|setInterval|clearInterval|setImmediate|clearImmediate|queueMicrotask|structuredClone|performance|process|console)\b(?!['?]?:)/g
  const classes =
    /(?:\bnew |\binstanceof )(AbortController|AbortSignal|BroadcastChannel|Buffer|Event|EventTarget|MessageChannel|TextDecoder|TextEncoder|URL|URLSearchParams)\b|(?<![\w.])(AbortSignal|Buffer|URL)\.\w/g
  const calls =
    /\bprocess\.(nextTick|hrtime|exit|emitWarning|getActiveResourcesInfo|cwd|kill|uptime|memoryUsage)\b|\bError\.captureStackTrace\b|\bDate\.now\b|\bnew Date\(\)|['"]node:(timers|process)\b/
  const violations: string[] = []
  for (const { file, code } of src) {
    if (isTest(file) || taking.test(file)) continue
    const own = withoutTexts(code)
    const imported = new Set(
      [...code.matchAll(/^import\b([^'"]*)from/gm)].flatMap(([, names = '']) => names.match(/\w+/g)),
    )
    const taken = [...own.matchAll(functions), ...own.matchAll(classes)].map(([, a, b]) => a ?? b ?? '')
    for (const name of new Set(taken)) if (!imported.has(name)) violations.push(`${file}: ${name}`)
    violations.push(...matchingLines(file, code, calls))
  }
  none(violations)
})

test('properties of errors are defined by src/lib/error-props.ts, and Node is given options without a prototype', () => {
  const assigned =
    /Object\.assign\((error|new \w*Error)\b|\b(error|thrown)\.(name|code|errno|syscall|path|dest|cause|stack) = /
  const inherited = /\bnew (Worker|Socket)\([^)]*\{/
  none(
    src
      .filter(({ file }) => !isTest(file))
      .flatMap(({ file, code }) => [...matchingLines(file, code, assigned), ...matchingLines(file, code, inherited)])
      .filter((line) => !line.includes('forNode(')),
  )
})

test('numbers of C stand in src/abi and src/lib/errno.ts alone, which test/abi holds to the C headers', () => {
  const prefixes = [
    ...['IORING', 'IOSQE', 'IOU', 'O', 'F', 'AT(?!_ONCE)', 'RWF', 'SPLICE_F', 'STATX', 'RESOLVE', 'RENAME', 'S_IF'],
    ...['SYNC_FILE_RANGE', 'EPOLL', 'CLOCK', 'SEEK', 'PROT', 'MAP', 'EFD', 'AF', 'SOCK', 'MSG', 'SOL', 'SO', 'SHUT'],
    ...['IPPROTO', 'FALLOC_FL', 'POSIX_FADV', 'MADV', 'XATTR', 'FUTEX2?', 'P'],
  ].join('|')
  const names = 'E?POLL(IN|OUT|PRI|ERR|HUP|NVAL|RDHUP)|S_IF\\w+|SIG[A-Z]+|PATH_MAX|UIO_MAXIOV'
  const errors = [...byFile.get('src/lib/errno.ts')!.code.matchAll(/^export const (E\w+) =/gm)].map(([, name]) => name)
  const typed = new RegExp(`\\b(const|let) ((${prefixes})_\\w+|${names}|${errors.join('|')}) = -?\\d`)
  const allowed = /^src\/(abi\/|lib\/errno\.ts)|^test\/tidy\.test\.ts$/
  none(sources.filter(({ file }) => !allowed.test(file)).flatMap(({ file, code }) => matchingLines(file, code, typed)))
})

test('only src/sys makes foreign calls', () => {
  const foreign = /['"](koffi|@koromix\/[^'"]*|node:ffi)['"]/ // however it is loaded
  const offenders = src.filter(({ file, code }) => folderOf(file) !== 'sys' && foreign.test(code))
  none(offenders.map(({ file }) => file))
})

/** Classes whose instances never leave the module that makes them: the only ones of ours to be told by `instanceof`. */
const AT_HOME = new Set(['Refusal', 'UnknownBuffer'])

test('a class of ours is told by a mark, not by instanceof: there may be two copies of it', () => {
  const classes = new Set(src.flatMap(({ code }) => [...code.matchAll(/\bclass (\w+)/g)].map(([, name]) => name!)))
  const offenders = src
    .filter(({ file }) => !isTest(file))
    .flatMap(({ file, code }) =>
      [...withoutStrings(code).matchAll(/\binstanceof (\w+)/g)]
        .filter(([, name]) => classes.has(name!) && !AT_HOME.has(name!))
        .map(([text]) => `${file}: ${text}`),
    )
  none(offenders)
})

test('what a view is, the rings ask of the view itself: src/lib/views.ts', () => {
  // A caller's view may say anything of itself. What a file made is what it says: its memory may be asked for.
  const asked = /\.(byteLength|byteOffset)\b|\{[^{}]*\b(byteLength|byteOffset|buffer)\b[^{}]*\} =/
  const violations: string[] = []
  for (const { file, code } of src) {
    if (isTest(file) || !/^(driver|ring|backends)\b/.test(folderOf(file))) continue
    violations.push(...matchingLines(file, code, asked))
    const made = new Set([...code.matchAll(/\b(\w+) = new (?:\w+Array|DataView)\(/g)].map(([, name]) => name!))
    for (const [text, path = ''] of withoutStrings(code).matchAll(/([\w.#?]*)\.buffer\b/g)) {
      if (!made.has(path) && !/apping$|^this\.#\w+$/.test(path)) violations.push(`${file}: ${text}`)
    }
  }
  none(violations)
})

test('somebody hears of each Worker that it failed to begin: src/lib/heard.ts', () => {
  // Where nobody listens at that instant the process ends; and a listener of one's own may come late, or go early.
  const made = /(?<!\bheard\()new Worker\(/
  const deaf = /\bworker\.(removeAllListeners|off\('error'|removeListener\('error')/i
  const violations: string[] = []
  for (const { file, code } of src) {
    if (isTest(file)) continue
    violations.push(...matchingLines(file, code, made), ...matchingLines(file, code, deaf))
  }
  none(violations)
})

test('benches measure the package as it is published: of its sources they import tools alone', () => {
  const violations: string[] = []
  for (const { file, refs } of sources) {
    if (!file.startsWith('bench/')) continue
    for (const { specifier, target } of refs) {
      if (target?.startsWith('src/') && !/^src\/(lib|sys)\//.test(target)) violations.push(`${file}: '${specifier}'`)
    }
  }
  none(violations)
})

test('no banned word, type escape or file name', () => {
  const words = new RegExp(
    `\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b|@ts-(ignore|nocheck)\\b`,
  )
  const escapes = /\bas any\b|:\s*any\b|<any>/
  const violations = tree
    .filter((file) => /^(src|test|bench|docs|examples|scripts)\/|\.md$/.test(file) && file !== 'test/tidy.test.ts')
    .flatMap((file) => matchingLines(file, read(file), words))
  for (const { file, code } of sources) violations.push(...matchingLines(file, withoutStrings(code), escapes))
  violations.push(...tree.filter((file) => /(^|\/)(utils|types|common)(\.test)?\.ts$/.test(file)))
  none(violations)
})

test('every file of src begins by saying what it is and which threads run it', () => {
  const head = /^(?:#!.*\n)?(\/\*[\s\S]*?\*\/|(?:\/\/.*\n)+)/
  const violations: string[] = []
  for (const { file, text } of src) {
    if (isTest(file)) continue
    const comment = head.exec(text)?.[1]?.trimEnd() ?? ''
    if (comment.split('\n').length < 2) violations.push(`${file}: no head`)
    else if (!/\b(threads?|owners?|workers?|apps?)\b/i.test(comment)) {
      violations.push(`${file}: the head does not say which threads run it`)
    }
  }
  none(violations)
})

const entries = entryFiles()
const missing = entries.filter(
  (file) => !byFile.has(file) || withoutStrings(byFile.get(file)!.code).trim() === 'export {}',
)

test('no file of src is dead', { skip: missing.length > 0 && `no entry yet: ${missing.join(', ')}` }, () => {
  const alive = new Set<string>()
  const visit = (file: string) => {
    if (alive.has(file)) return
    alive.add(file)
    for (const { target } of byFile.get(file)?.refs ?? []) if (target !== undefined) visit(target)
  }
  entries.forEach(visit)
  none(src.map(({ file }) => file).filter((file) => !alive.has(file) && !isTest(file)))
})

test('what package.json points to exists, and each export can be imported', async () => {
  const violations: string[] = []
  for (const [subpath, entry] of Object.entries(manifest.exports)) {
    const targets = typeof entry === 'string' ? [entry] : Object.values(entry)
    if (!isBegun(targets)) continue
    for (const target of targets) if (!existsSync(join(ROOT, target))) violations.push(`${subpath}: no ${target}`)
    if (targets.some((target) => target.endsWith('.json'))) continue
    await import(join('uring', subpath)).catch((error) => violations.push(`${subpath}: ${error}`))
  }
  for (const [name, target] of Object.entries(manifest.bin)) {
    if (isBegun([target]) && !existsSync(join(ROOT, target))) violations.push(`bin ${name}: no ${target}`)
  }
  none(violations)
})

test(`no file of src is longer than ${MAX_LINES} lines`, () => {
  const lengths = src.map(({ file, text }) => ({ file, lines: text.trimEnd().split('\n').length }))
  none(lengths.filter(({ lines }) => lines > MAX_LINES).map(({ file, lines }) => `${file}: ${lines} lines`))
})

test('a test that draws takes its seed from test/seed.ts, which tells the runner of it', () => {
  const own = /URING_SEED'\]|Date\.now\(\) %|Math\.random\(\) \*/
  const drawing = sources.filter(({ file }) => /\.test\.ts$/.test(file) && !file.endsWith('tidy.test.ts'))
  none(drawing.flatMap(({ file, code }) => matchingLines(file, code, own)))
})

test('whether a thread is there is asked in one place, which knows an answer from none', () => {
  const asks = /['"`]\/proc\/(self\/task|thread-self)/
  const others = src.filter(({ file }) => !/^src\/wq\/(proc|thread-name)\.ts$|probe\.ts$|\.test\./.test(file))
  none(others.flatMap(({ file, code }) => matchingLines(file, code, asks)))
})

test('a file that the map names is there', () => {
  const all = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).map((file) => `/src/${file}`)
  const named = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8').matchAll(/`((?:[\w-]+\/)*[\w.-]+\.ts)`/g)
  const gone = [...named]
    .map(([, file]) => file!)
    .filter((file) => {
      if (file.includes('.test.') || existsSync(join(ROOT, file))) return false
      return !all.some((path) => path.endsWith(`/${file}`))
    })
  assert.deepEqual(gone, [])
})

test('no path of somebody’s machine is in the tree', () => {
  const folders = ['work', 'farm', 'root'].join('|')
  const path = new RegExp(`(?<![\\w.)}/-])/(${folders})/`)
  const violations = tree.flatMap((file) => matchingLines(file, read(file), path))
  if (/"resolved": *"http/.test(read('package-lock.json'))) violations.push('package-lock.json names a registry')
  none(violations)
})

test('no test is switched off or run alone', () => {
  const marks = 'skip|only|todo'
  const off = new RegExp(`\\b(test|it|describe|suite|t|ctx|context)\\.(${marks})\\b|\\b(${marks}): true\\b`)
  const tests = sources.filter(({ file }) => isTest(file) || file.startsWith('test/'))
  none(tests.flatMap(({ file, code }) => matchingLines(file, withoutStrings(code), off)))
})

/** Fails, naming all of them, unless there are none. */
function none(violations: string[]): void {
  assert.ok(violations.length === 0, `\n  ${violations.join('\n  ')}`)
}

function isTest(file: string): boolean {
  return /\.test(\.\w+)?\.ts$/.test(file) // mpscq.test.ts, and mpscq.test.worker.ts, a thread that it starts
}

/** The folder of src that a file is in, as the table of floors names it. */
function folderOf(file: string): string {
  const parts = dirname(file).split('/').slice(1)
  return parts.slice(0, parts[0] === 'backends' ? 2 : 1).join('/')
}

/** The room of its folder that a file is in; '' for the root. */
function roomOf(file: string): string {
  return relative(join('src', folderOf(file)), dirname(file)).split('/')[0] ?? ''
}

/** Rooms on floors, the lowest first: each imports from all below. */
function upwards(...rooms: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(rooms.map((room, floor) => [room, rooms.slice(0, floor)]))
}

/** Sets of files that each import all others of their set, by others or not (Tarjan's strongly connected components). */
function circlesOf(of: readonly Source[]): string[][] {
  const circles: string[][] = []
  const [numbers, lows, path] = [new Map<string, number>(), new Map<string, number>(), [] as string[]]
  const visit = (file: string): number => {
    numbers.set(file, numbers.size)
    lows.set(file, numbers.get(file)!)
    path.push(file)
    for (const { target, isStarted } of byFile.get(file)!.refs) {
      if (isStarted || target === undefined || !byFile.has(target)) continue
      const low = numbers.has(target) ? (path.includes(target) ? numbers.get(target)! : Infinity) : visit(target)
      lows.set(file, Math.min(lows.get(file)!, low))
    }
    const low = lows.get(file)!
    if (low !== numbers.get(file)) return low
    const circle = path.splice(path.indexOf(file))
    if (circle.length > 1) circles.push(circle.sort())
    return Infinity
  }
  for (const { file } of of) if (!numbers.has(file)) visit(file)
  return circles.sort()
}

/** The sources behind package.json's `exports` and `bin`. */
function entryFiles(): string[] {
  const targets = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === 'string' ? entry : Object.values(entry),
  )
  const scripts = [...targets, ...Object.values(manifest.bin)].filter((target) => target.endsWith('.js'))
  return [...new Set(scripts.map(sourceOf))]
}

function sourceOf(target: string): string {
  const bundled = /^\.\/dist\/lib\/([\w-]+)\.js$/.exec(target)?.[1]
  const compiled = bundled === undefined ? undefined : Object.assign({}, ...GROUPS)[bundled]
  if (compiled !== undefined) return `src/${compiled.replace(/\.js$/, '.ts')}`
  return target.replace(/^\.\/dist\//, '').replace(/(\.d\.ts|\.js)$/, '.ts')
}

/** False while the folder that a target is built from does not exist: it cannot be there yet. */
function isBegun(targets: string[]): boolean {
  return targets.every((target) => existsSync(join(ROOT, dirname(sourceOf(target)))))
}

function matchingLines(file: string, text: string, pattern: RegExp): string[] {
  const lines = text.split('\n').map((line, index) => ({ line, at: `${file}:${index + 1}` }))
  return lines.filter(({ line }) => pattern.test(line)).map(({ line, at }) => `${at}: ${line.trim().slice(0, 120)}`)
}

function listFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (NOT_OURS.has(entry.name)) return [] // in a linked worktree .git is a file
    if (entry.isDirectory()) return listFiles(path)
    return entry.isFile() && !/\.(tgz|log|png)$/.test(path) ? [path] : []
  })
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

function readSource(file: string): Source {
  const text = read(file)
  const code = withoutComments(text)
  return { file, text, code, refs: [...refsOf(file, code)] }
}

/** What a file imports, re-exports, or starts by `new URL(…, import.meta.url)`; targets as sources, if in the tree. */
function* refsOf(file: string, code: string): Generator<Ref> {
  const forms = [
    /\bfrom\s*['"]([^'"]+)['"]/g,
    /\bimport\s*['"]([^'"]+)['"]/g,
    /\b(?:import|require)\(\s*['"]([^'"]+)['"]/g,
    /\bnew URL\(\s*['"]([^'"]+\.\w+)['"],\s*import\.meta\.url/g,
  ]
  for (const [i, form] of forms.entries()) {
    for (const [, specifier = ''] of code.matchAll(form)) {
      // Paths are those of the build, which stands one folder deeper than the sources.
      const built = specifier.startsWith('.') ? normalize(join('dist', dirname(file), specifier)) : undefined
      const target = built?.startsWith('dist/') ? relative('dist', built).replace(/\.js$/, '.ts') : built
      yield { specifier, target, isStarted: i === forms.length - 1 }
    }
  }
}

function withoutComments(text: string): string {
  return text.replace(STRINGS_OR_COMMENTS, (all, string?: string) => string ?? all.replace(/[^\n]/g, ' '))
}

/** As withoutStrings, but with the code in templates. */
function withoutTexts(code: string): string {
  return code.replace(STRINGS_OR_COMMENTS, (all) => {
    if (!all.startsWith('`')) return all.replace(/[^\n]/g, ' ')
    return [...all.matchAll(/\$\{([^}]*)\}/g)].map(([, inner]) => inner).join(';')
  })
}

function withoutStrings(code: string): string {
  return code.replace(STRINGS_OR_COMMENTS, (all) => all.replace(/[^\n]/g, ' '))
}
