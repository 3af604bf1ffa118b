/**
 * docs/orderings.md: every ordered word, who reaches it how and from which function, and what proves the order. Read from
 * the sources by their text; what text does not say stands in orderings-words.mjs, and is checked: no access without a
 * row, no row without an access, no proof that does not exist. Used by docs.mjs and by test/orderings.test.ts.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { ALIASES, NAMES, TABLES, WORDS } from './orderings-words.mjs'

/** What barrier.ts exports, and how the page calls it. */
const ACCESSES = {
  loadAcquire: 'load acquire',
  storeRelease: 'store release',
  xchg: 'exchange',
  cmpxchg: 'compare-exchange',
  fetchAdd: 'add',
  fetchAnd: 'and',
  fetchOr: 'or',
  futexWait: 'sleep',
  futexWaitAsync: 'sleep in the event loop',
  futexWake: 'wake',
}
const CALL = new RegExp(`(?<![\\w.#])(${Object.keys(ACCESSES).join('|')})\\(`, 'g')
const STRINGS_OR_COMMENTS =
  /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g
const FIELD = /\b([A-Z][A-Z_]*)\.at\.(\w+)/g
/** A name that stands for a value: not a property of another object, unless of `this`. */
const NAME = /(?<![\w.#])(?:this\.)?(#?[A-Za-z_]\w*)/g

/** Every `.ts` of a folder, path from the root to text. */
export function readSources(root, dir, wanted = (path) => path.endsWith('.ts')) {
  const files = new Map()
  for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
    const path = `${dir}/${entry.name}`
    if (entry.isDirectory()) for (const [file, text] of readSources(root, path, wanted)) files.set(file, text)
    else if (wanted(path)) files.set(path, readFileSync(join(root, path), 'utf8'))
  }
  return files
}

/** Ordered accesses of the sources: { file, where, access, words, text }; `words` is empty where none is known. */
export function accessesOf(files) {
  const codes = new Map()
  for (const [file, text] of files) {
    if (!/\.test\.|\/barrier\.ts$/.test(file)) codes.set(file, text.replace(STRINGS_OR_COMMENTS, blank))
  }
  const found = []
  for (const [file, code] of codes) {
    if (!/from '[^']*\/barrier\.js'/.test(files.get(file))) continue
    const heads = headsOf(code)
    for (const call of code.matchAll(CALL)) {
      const [, ...args] = argumentsAt(code, call.index + call[0].length - 1)
      const inner = heads.filter(({ from, to }) => from <= call.index && call.index < to)
      const where = inner.map(({ name }) => name).join('.') || 'at load'
      const words = resolve({ codes, files, file, heads: inner, seen: new Set() }, args[1] ?? '')
      found.push({ file, where, access: call[1], words: [...new Set(words)], text: `${call[0]}${args.join(', ')})` })
    }
  }
  return found
}

function blank(text) {
  return text.replace(/[^\n]/g, ' ')
}

/** The call's whole text, then its arguments, of the bracket at `open`. */
function argumentsAt(code, open) {
  const args = []
  let depth = 0
  let from = open + 1
  for (let i = open; i < code.length; i++) {
    if ('([{'.includes(code[i])) depth++
    if (')]}'.includes(code[i])) depth--
    if ((depth === 1 && code[i] === ',') || depth === 0) {
      args.push(code.slice(from, i).trim())
      from = i + 1
    }
    if (depth === 0) return [code.slice(open, i + 1), ...args]
  }
  return ['']
}

const HEADS = [
  /^( *)(?:export )?(?:async )?function\*? (\w+)/gm,
  /^( +)(?:(?:static|async|get|set) )*\*?(#?\w+)(?:<[^>\n]*>)?\(.*$/gm,
  /^( *)(?:export )?(?:const |readonly )?(#?\w+)(?: =|:) (?:async )?\(?[^()\n]*\)?(?:: [^=\n]+)? =>/gm,
]
const NO_NAMES = /^(if|for|while|switch|catch|return|assert|new|await)$/

/** Functions and methods of formatted code: from the line of the head to the line that closes it, as deep as it. */
function headsOf(code) {
  const heads = []
  for (const form of HEADS) {
    for (const match of code.matchAll(form)) {
      const [line, indent, name] = match
      if (NO_NAMES.test(name)) continue
      const body = code.slice(match.index)
      // A method's brackets are followed by its body, if need be lines below; a call of the same look goes on otherwise.
      const open = match.index + line.indexOf('(')
      if (form === HEADS[1] && !/^(: [^\n]+)? \{\n/.test(code.slice(open + argumentsAt(code, open)[0].length))) continue
      const end = new RegExp(`^${indent}[}\\])].*$`, 'm')
      const first = body.indexOf('\n')
      const onOneLine = form === HEADS[2] && !/[{([]$/.test(body.slice(0, first))
      let to = match.index + first
      for (let rest = first; !onOneLine; ) {
        const close = end.exec(body.slice(rest + 1))
        if (close === null) break
        to = match.index + rest + 1 + close.index + close[0].length
        // `): void {` closes the parameters, not the function.
        if (!/[{(]$/.test(close[0])) break
        rest += 1 + close.index
      }
      heads.push({ name, from: match.index, to })
    }
  }
  return heads.sort((a, b) => a.from - b.from)
}

/** The words that an expression names: fields of tables in it, or in what its names stand for. */
function resolve(at, expression) {
  const fields = [...expression.matchAll(FIELD)].map(([, table, field]) => `${table}.${field}`)
  if (fields.length > 0) return fields.map((word) => ALIASES[word] ?? word)
  for (const [part, words] of Object.entries(NAMES)) if (expression.includes(part)) return words
  // A sum of a place and an offset: the offset says which word of the record it is, and is a constant.
  const names = [...expression.matchAll(NAME)].map(([, name]) => name)
  const isConstant = (name) => /^[A-Z][A-Z_]+$/.test(name)
  for (const name of [...names.filter(isConstant), ...names.filter((name) => !isConstant(name))]) {
    for (const head of at.heads) {
      const own = NAMES[`${head.name}(${name})`]
      if (own !== undefined) return own
    }
    const words = lookUp(at, name)
    if (words.length > 0) return words
  }
  return []
}

function lookUp(at, name) {
  const code = at.codes.get(at.file)
  const key = `${at.file} ${name}`
  if (code === undefined || at.seen.has(key)) return []
  at.seen.add(key)
  const inside = [...at.heads].reverse().map(({ from, to }) => code.slice(from, to))
  const set = new RegExp(`(?:\\b(?:const|let) |this\\.)${name}(?:: [^=\\n]+)? = `, 'g')
  for (const scope of [...inside, code]) {
    const words = [...scope.matchAll(set)].flatMap((match) => {
      const value = /^[^\n]*(?:\n +[?:][^\n]*)*/.exec(scope.slice(match.index + match[0].length))[0]
      if (value.startsWith(name)) return []
      return resolve(at, value)
    })
    if (words.length > 0) return words
  }
  // `for (const word of [A, B])`: each of them.
  const list = new RegExp(`const ${name} of \\[([^\\]]*)\\]`).exec(inside.join('\n'))?.[1]
  if (list !== undefined) return list.split(',').flatMap((part) => resolve(at, part))
  const base = (file) => file.replace(/.*\/|\.ts$/g, '')
  // A word of no table: the constant that is its index gives it its name.
  if (new RegExp(`^(?:export )?const (?:${name} = \\d+$|\\[.*\\b${name}\\b.*\\] = )`, 'm').test(code)) {
    return [`${base(at.file)}.${name}`]
  }
  const from = new RegExp(`import \\{[^}]*\\b${name}\\b[^}]*\\} from '([^']+)'`).exec(at.files.get(at.file))?.[1]
  if (from === undefined || !from.startsWith('.')) return []
  const file = normalize(join(dirname(at.file), from)).replace(/\.js$/, '.ts')
  return lookUp({ ...at, file, heads: [] }, name)
}

/** Titles of tests and names of scenarios: every string of the test files, and every template, its holes as `…`; by title, the file. */
export function titlesOf(files) {
  const titles = new Map()
  for (const [file, text] of files) {
    for (const [, title] of text.matchAll(/'((?:[^'\\\n]|\\.)+)'/g)) titles.set(title.replaceAll('\\', ''), file)
    for (const [, title] of text.matchAll(/`((?:[^`\\\n]|\\.)+)`/g))
      titles.set(title.replace(/\$\{[^}]*\}/g, '…'), file)
  }
  return titles
}

/** What is wrong between accesses, rows and proofs, a line each; [] if nothing is. */
export function faultsOf(accesses, rows, titles) {
  const faults = []
  const reached = new Set(accesses.flatMap(({ words }) => words))
  for (const { file, where, text, words } of accesses) {
    if (words.length === 0) {
      faults.push(`${file}: ${where}: ${text} is of no word known: name its table's field, or give it a row in NAMES`)
    }
    for (const word of words) {
      if (rows[word] === undefined) faults.push(`${file}: ${where}: ${text} is on no row: ${word}`)
    }
  }
  for (const [word, { proofs }] of Object.entries(rows)) {
    if (!reached.has(word)) faults.push(`the row ${word} has no ordered access`)
    if (proofs.length === 0) faults.push(`the row ${word} has no proof`)
    for (const proof of proofs) if (!titles.has(proof)) faults.push(`the row ${word}: no test or scenario '${proof}'`)
  }
  return [...new Set(faults)]
}

/** The page. `writers`: by word, who may write it as its table says. */
export function orderingsPage(accesses, rows, writers, titles) {
  let page = HEAD
  for (const [table, title] of Object.entries(TABLES)) {
    const words = Object.keys(rows).filter((word) => word.startsWith(`${table}.`))
    if (words.length === 0) continue
    page += `\n## ${title}\n`
    for (const word of words) page += wordText(word, rows[word], writers[word], accesses, titles)
  }
  return page
}

function wordText(word, { publishes, proofs }, writer, accesses, titles) {
  const own = accesses.filter(({ words }) => words.includes(word))
  let text = `\n### \`${word}\`\n\n${publishes}`
  text += writer === undefined ? '\n' : ` Written by: ${writer}.\n`
  text += '\n| Access | Where |\n|---|---|\n'
  for (const [access, title] of Object.entries(ACCESSES)) {
    const files = new Map()
    for (const one of own) {
      if (one.access !== access) continue
      const file = one.file.replace(/^src\//, '')
      files.set(file, (files.get(file) ?? new Set()).add(one.where))
    }
    const where = [...files].sort(([a], [b]) => (a < b ? -1 : 1))
    if (where.length === 0) continue
    text += `| ${title} | ${where.map(([file, set]) => `\`${file}\`: ${[...set].join(', ')}`).join('; ')} |\n`
  }
  const list = (some) => some.map((proof) => `*${proof}*`).join('; ')
  const isExplored = (proof) => titles.get(proof)?.startsWith('test/interleave/')
  const explored = proofs.filter(isExplored)
  const tested = proofs.filter((proof) => !isExplored(proof))
  if (explored.length > 0) text += `\nExplored: ${list(explored)}.\n`
  return tested.length > 0 ? `${text}\nTested: ${list(tested)}.\n` : text
}

const HEAD = `# Orderings

Every word that threads reach in order, made from the sources by \`npm run docs\`: what it publishes and what pairs with it,
who may write it by its table (as in [shared memory](shared-memory.md)), each access with its function, and what holds the
code to it: scenarios of the interleaving explorer (\`test/interleave\`), which tries every order within bounds, and where it
does not reach, tests. All accesses go through \`src/lib/barrier.ts\`. What is read and written plainly
under a lock, or before a record is handed over, is not on this page: it is what these words publish.
`

export function checkedPage(root, writers) {
  const accesses = accessesOf(readSources(root, 'src'))
  const isTest = (path) => /\.ts$/.test(path) && (path.startsWith('test/') || path.includes('.test.'))
  const titles = titlesOf(new Map([...readSources(root, 'test', isTest), ...readSources(root, 'src', isTest)]))
  const faults = faultsOf(accesses, WORDS, titles)
  return { page: orderingsPage(accesses, WORDS, writers, titles), faults }
}
