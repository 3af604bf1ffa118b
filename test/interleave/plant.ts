/**
 * Puts a bug into a copy of the sources: built modules with one piece of text replaced. Main thread, and what a scenario
 * loads its modules by.
 *
 * So a planted bug is one line of a table, and a change to the code around it is noticed: its text must be there once.
 * Some folders are copied whole, and import each other's copies. Of the others they import the real ones: of src/lib they
 * have to, for the explorer holds its steps there.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

export interface Bug {
  /** A module of src, without its extension. */
  readonly file: string
  /** Pairs of what stands there, after the build, and what shall; `$&` in that is what stood there. */
  readonly change: readonly (readonly [from: string, to: string])[]
}

const SRC = new URL('../../src/', import.meta.url)
const COPIED = ['wq', 'backends', 'pool']

/** Returns the folder of the copy, as a scenario takes it, and what removes it again. */
export function plant({ file, change }: Bug): { home: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'uring-planted-'))
  const tops = [...new Set([...COPIED, file.split('/')[0]!])]
  for (const top of tops) {
    for (const name of readdirSync(new URL(`${top}/`, SRC), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.js') || name.includes('.test.')) continue
      const path = `${top}/${name}`
      const text = readFileSync(new URL(path, SRC), 'utf8')
      const to = join(folder, path)
      mkdirSync(dirname(to), { recursive: true })
      writeFileSync(to, redirected(path === `${file}.js` ? changed(file, text, change) : text, path, tops))
    }
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  return { home: pathToFileURL(`${folder}/`).href, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

function changed(file: string, text: string, change: Bug['change']): string {
  for (const [from, to] of change) {
    assert.equal(text.split(from).length, 2, `${file} has this once: ${from}`)
    text = text.replace(from, () => to.replace('$&', () => from))
  }
  return text
}

/** Imports of what is not copied lead to the real files. */
function redirected(text: string, path: string, tops: readonly string[]): string {
  return text.replace(/\b(from|import) '(\.[^']+)'/g, (all, word: string, to: string) => {
    const { href } = new URL(to, new URL(path, SRC))
    const top = href.slice(SRC.href.length).split('/')[0]!
    return tops.includes(top) ? all : `${word} '${href}'`
  })
}

/** A scenario's module, to run over the copy. */
export function over(module: URL, home: string): URL {
  const url = new URL(module)
  url.searchParams.set('src', home)
  return url
}

/** A module of src, for a scenario: the real one, or where the scenario was loaded over a copy the one in there. */
export function load(scenario: string, path: string): Promise<unknown> {
  const home = new URL(scenario).searchParams.get('src')
  const copy = home === null ? undefined : new URL(path, home)
  return import(copy !== undefined && existsSync(copy) ? copy.href : new URL(path, SRC).href)
}
