/**
 * Puts a bug into a copy of io-wq: the built modules of src/wq with one piece of text replaced. Main thread.
 *
 * So a planted bug is one line of a table, and a change to the code around it is noticed: its text must be there once.
 * The copy imports the real src/lib, for the explorer holds its steps there, and the real src/sys.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

export interface Bug {
  /** A module of src/wq, without its extension. */
  readonly file: string
  /** Pairs of what stands there, after the build, and what shall; `$&` in that is what stood there. */
  readonly change: readonly (readonly [from: string, to: string])[]
}

const WQ = new URL('../../src/wq/', import.meta.url)
const SRC = new URL('../../src/', import.meta.url).href

/** Returns the folder of the copy, as the scenario takes it, and what removes it again. */
export function plant({ file, change }: Bug): { home: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'uring-planted-'))
  for (const name of readdirSync(WQ).filter((n) => n.endsWith('.js') && !n.includes('.test.'))) {
    let text = readFileSync(new URL(name, WQ), 'utf8')
    if (name === `${file}.js`) {
      for (const [from, to] of change) {
        assert.equal(text.split(from).length, 2, `${file} has this once: ${from}`)
        text = text.replace(from, () => to.replace('$&', () => from))
      }
    }
    writeFileSync(join(folder, name), text.replaceAll("from '../", `from '${SRC}`))
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  return { home: pathToFileURL(`${folder}/`).href, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** A scenario's module, to run over the copy. */
export function over(module: URL, home: string): URL {
  const url = new URL(module)
  url.searchParams.set('wq', home)
  return url
}
