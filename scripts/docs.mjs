/**
 * Writes docs/differs.md from the `DIFFERS:` comments, docs/shared-memory.md from the struct tables of the build, and
 * docs/orderings.md from the ordered accesses in the sources. With --check it changes nothing and fails when a page is
 * out of date. Run by `npm run docs` and by `npm run ok`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { checkedPage } from './orderings.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

function sources(dir) {
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = `${dir}/${entry.name}`
    if (entry.isDirectory()) return sources(path)
    return path.endsWith('.ts') && !path.includes('.test.') ? [path] : []
  })
}

/** The comment from `DIFFERS:` on, to the end of its paragraph. */
function differs(path) {
  const lines = readFileSync(join(root, path), 'utf8').split('\n')
  return lines.flatMap((line, i) => {
    if (!/(\*|\/\/).*DIFFERS:/.test(line)) return []
    let text = line.slice(line.indexOf('DIFFERS:') + 'DIFFERS:'.length).trim()
    for (let j = i + 1; j < lines.length && !line.includes('*/'); j++) {
      const more = /^\s*(\*|\/\/) ?(.*)$/.exec(lines[j])
      if (more === null || more[2] === '' || lines[j].trim().startsWith('*/')) break
      text += ` ${more[2].replace(/\*\/.*/, '').trim()}`
      if (lines[j].includes('*/')) break
    }
    return [`| \`${path}\` | ${text.replace(/\s*\*\/.*/, '').replaceAll('|', '\\|')} |`]
  })
}

function differsPage() {
  const rows = sources('src').sort().flatMap(differs)
  return `# Where \`threads\` differs from the kernel

Made from the \`DIFFERS:\` comments in the sources by \`npm run docs\`.

| Where | How |
|---|---|
${rows.join('\n')}
`
}

const TABLES = [
  ['lib/mpscq', ['MPSCQ']],
  ['wq/layout', ['WQ', 'ACCT', 'WORKER', 'ITEM']],
  ['wq/hash', ['HASH', 'HASH_POOL', 'HASH_ENTRY']],
  ['backends/threads/state/layout', ['RINGS', 'CTX', 'REQ']],
  ['pool/between/record', ['JOB', 'POOL', 'SEAT', 'STAMP']],
  ['compat/numbers-layout', ['NUMBERS', 'NUMBER']],
  ['cli/sum-layout', ['PIECE', 'STREAM']],
]

async function memoryPage() {
  let page = `# Shared memory

Made from the struct tables by \`npm run docs\`. Writers: \`app\`, \`owner\`, \`worker\`; \`any\`, by atomic read-modify-write
only; \`lock holder\`, whoever holds the lock of the table; \`record holder\`, whose the record is as its state says; \`once\`,
before it is shared. Of a worker's record \`worker\` is that worker. In test builds owner and workers check their own ordered
writes against these tables (\`lib/writers.ts\`; which holder it is: \`wq/watch.ts\`, \`pool/between/watch.ts\`).
`
  for (const [file, names] of TABLES) {
    const module = await import(pathToFileURL(join(root, 'dist/src', `${file}.js`)).href)
    for (const name of names) {
      const table = module[name]
      page += `\n## ${table.name}\n\n\`${name}\` in \`src/${file}.ts\`, ${table.size} bytes.\n\n| Offset | Field | Type | Written by | Meaning |\n|---|---|---|---|---|\n`
      for (const f of table.fields) {
        page += `| ${f.offset} | \`${f.name}\` | ${f.type} | ${f.writtenBy} | ${f.meaning.replaceAll('|', '\\|')} |\n`
      }
    }
  }
  return page
}

/** Who may write each word, by its table. */
async function writersOfWords() {
  const writers = {}
  for (const [file, names] of TABLES) {
    const module = await import(pathToFileURL(join(root, 'dist/src', `${file}.js`)).href)
    for (const name of names) for (const f of module[name].fields) writers[`${name}.${f.name}`] = f.writtenBy
  }
  return writers
}

const orderings = checkedPage(root, await writersOfWords())
for (const fault of orderings.faults) console.error(`orderings: ${fault}`)

let stale = orderings.faults.length
for (const [name, text] of [
  ['docs/differs.md', differsPage()],
  ['docs/shared-memory.md', await memoryPage()],
  ['docs/orderings.md', orderings.page],
]) {
  const path = join(root, name)
  let old = ''
  try {
    old = readFileSync(path, 'utf8')
  } catch {}
  if (old === text) continue
  if (process.argv.includes('--check')) {
    console.error(`${name} is out of date: npm run docs`)
    stale++
  } else writeFileSync(path, text)
}
process.exitCode = stale > 0 ? 1 : 0
