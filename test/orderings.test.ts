/**
 * docs/orderings.md: each ordered access is on a row, each row has an access, and what is named as its proof exists. The
 * page itself is compared by `docs.mjs --check`; here it is seen that a fault is one.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

interface Access {
  readonly file: string
  readonly where: string
  readonly access: string
  readonly words: readonly string[]
}

interface Row {
  readonly publishes: string
  readonly proofs: readonly string[]
}

interface Orderings {
  accessesOf(files: ReadonlyMap<string, string>): Access[]
  titlesOf(files: ReadonlyMap<string, string>): Map<string, string>
  faultsOf(
    accesses: readonly Access[],
    rows: Readonly<Record<string, Row>>,
    titles: ReadonlyMap<string, string>,
  ): string[]
  checkedPage(root: string, writers: Readonly<Record<string, string>>): { page: string; faults: string[] }
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const script = pathToFileURL(join(ROOT, 'scripts/orderings.mjs')).href
const { accessesOf, titlesOf, faultsOf, checkedPage } = (await import(script)) as Orderings

const HEAD = "import { cmpxchg, futexWait, loadAcquire, storeRelease } from '../lib/barrier.js'\n"
const TABLE = "export const BELL = struct('bell', [])\nexport const RUNG = BELL.at.rung >> 2\n"
// Put together, for it is no file of the tree.
const OTHER = ['./table', 'js'].join('.')
const ROWS = { 'BELL.rung': { publishes: 'that it rang', proofs: ['a bell is heard'] } }
const TITLES = titlesOf(new Map([['test/bell.test.ts', "test('a bell is heard', () => {})"]]))

function read(code: string, file = 'src/wq/bell.ts'): Access[] {
  return accessesOf(
    new Map([
      ['src/wq/table.ts', TABLE],
      [file, `${HEAD}${code}`],
    ]),
  )
}

test('each ordered access of the sources is on a row, each row has one, and its proofs exist', () => {
  assert.deepEqual(checkedPage(ROOT, {}).faults, [])
})

test('a word is known by its table, by a constant, from another file, and by what a variable or a field was given', () => {
  const code = `
import { RUNG } from '${OTHER}'
const OWN = BELL.at.rung >> 2
export class Tower {
  readonly #at: number
  constructor(
    mem: Memory,
    tower = mem.tower(),
  ) {
    this.#at = mem.bell(tower) + RUNG
  }

  ring(words: Int32Array, bell: number): void {
    storeRelease(words, bell + OWN, 1)
    storeRelease(words, bell + (BELL.at.rung >> 2), 1)
  }

  #hear(words: Int32Array): boolean {
    const rung = this.bell + RUNG
    if (loadAcquire(words, this.#at) === 1) return true
    return cmpxchg(words, rung, 1, 2) === 1
  }
}
`
  assert.deepEqual(
    read(code).map(({ where, access, words }) => [where, access, ...words]),
    [
      ['ring', 'storeRelease', 'BELL.rung'],
      ['ring', 'storeRelease', 'BELL.rung'],
      ['#hear', 'loadAcquire', 'BELL.rung'],
      ['#hear', 'cmpxchg', 'BELL.rung'],
    ],
  )
  assert.deepEqual(faultsOf(read(code), ROWS, TITLES), [])
})

test('where a file lies, and on which line, is nothing to it', () => {
  const code = 'export function ring(words: Int32Array): void {\n  storeRelease(words, BELL.at.rung >> 2, 1)\n}\n'
  const [moved] = read(`\n\n// storeRelease(words, BELL.at.other, 1)\n${code}`, 'src/pool/elsewhere/bell.ts')
  assert.deepEqual([moved!.where, moved!.words], ['ring', ['BELL.rung']])
})

test('an access that is on no row is a fault', () => {
  const code = 'export const ring = (words: Int32Array) => storeRelease(words, BELL.at.other >> 2, 1)\n'
  const faults = faultsOf([...read(code), ...read('storeRelease(w, BELL.at.rung >> 2, 1)\n')], ROWS, TITLES)
  assert.equal(faults.length, 1)
  assert.match(faults[0]!, /bell\.ts: ring: storeRelease.* is on no row: BELL\.other/)
})

test('an access of which the text does not say the word is a fault', () => {
  const code = 'function ring(words: Int32Array, at: number) {\n  futexWait(words, at, 0, 1)\n}\n'
  const faults = faultsOf([...read(code), ...read('storeRelease(w, BELL.at.rung >> 2, 1)\n')], ROWS, TITLES)
  assert.equal(faults.length, 1)
  assert.match(faults[0]!, /ring: futexWait.* is of no word known/)
})

test('a row without an access, without a proof, or with one that does not exist, is a fault', () => {
  const accesses = read('storeRelease(words, BELL.at.rung >> 2, 1)\n')
  const gone = { ...ROWS, 'BELL.rope': { publishes: '', proofs: ['a bell is heard'] } }
  assert.deepEqual(faultsOf(accesses, gone, TITLES), ['the row BELL.rope has no ordered access'])
  const unproved = { 'BELL.rung': { publishes: '', proofs: [] } }
  assert.deepEqual(faultsOf(accesses, unproved, TITLES), ['the row BELL.rung has no proof'])
  const misnamed = { 'BELL.rung': { publishes: '', proofs: ['a bell is seen'] } }
  assert.deepEqual(faultsOf(accesses, misnamed, TITLES), ["the row BELL.rung: no test or scenario 'a bell is seen'"])
})
