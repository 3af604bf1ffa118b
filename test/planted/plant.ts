/**
 * Puts a fault into a copy of the build, and runs the test that has to catch it. Main thread of the runner.
 *
 * The copy is made of links, and only the file with the fault is another. A test that fails, hangs or crashes has caught
 * it. The explorer's own planted faults, which name the order that shows them, are in test/interleave.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export interface Fault {
  readonly name: string
  /** A built module below src/, without its extension. */
  readonly file: string
  /** What stands there once, after the build, and what shall. */
  readonly from: string
  readonly to: string
  /** The test file that catches it, below dist/. */
  readonly test: string
  /** Of its tests, those whose name matches; all unless given. */
  readonly only?: string
}

/** The file's text with the fault in it. */
export function faulty({ file, from, to }: Fault): string {
  const text = readFileSync(join(ROOT, `dist/src/${file}.js`), 'utf8')
  assert.equal(text.split(from).length, 2, `${file} has this once: ${from}`)
  return text.replace(from, () => to)
}

/** Undefined if the test catches the fault; what it printed if it passes. */
export async function survives(fault: Fault, limitMs: number): Promise<string | undefined> {
  const text = faulty(fault)
  const folder = mkdtempSync(join(tmpdir(), 'uring-planted-'))
  try {
    linkAll(join(ROOT, 'dist'), join(folder, 'dist'))
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
    const file = join(folder, `dist/src/${fault.file}.js`)
    rmSync(file)
    writeFileSync(file, text)
    return await passes(join(folder, `dist/${fault.test}.test.js`), fault.only, limitMs)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function linkAll(from: string, to: string): void {
  mkdirSync(to)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isDirectory()) linkAll(join(from, entry.name), join(to, entry.name))
    else linkSync(join(from, entry.name), join(to, entry.name))
  }
}

function passes(test: string, only: string | undefined, limitMs: number): Promise<string | undefined> {
  const args = ['--test-reporter=tap', ...(only === undefined ? [] : [`--test-name-pattern=${only}`]), test]
  const { URING_TEST_EVENTS: _, NODE_TEST_CONTEXT: __, ...env } = process.env
  const child = spawn(process.execPath, args, {
    env: { ...env, URING_VERIFY: '1', URING_BACKENDS: 'threads' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  let failed = false
  const end = () => {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {
      // It is gone already.
    }
  }
  child.stderr.on('data', (bytes) => (output += bytes))
  child.stdout.on('data', (bytes) => {
    output += bytes
    // What comes behind a failure may well hang.
    if (failed || !/^ *not ok /m.test(output)) return
    failed = true
    end()
  })
  const timer = setTimeout(end, limitMs)
  return new Promise((resolve) => {
    child.once('exit', (code) => {
      clearTimeout(timer)
      end()
      resolve(code === 0 && !failed ? output : undefined)
    })
  })
}
