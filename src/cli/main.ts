#!/usr/bin/env node
/**
 * The `uring` command: names its commands and runs one. The main thread runs it; a command's work is loaded on demand.
 */
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { Command, CommanderError } from 'commander'
import { process, URL } from '../lib/globals.js'
import { addDoctor } from './doctor.js'
import { complain } from './messages.js'
import { addSum } from './sum.js'

// A command on a few thousand files is over before optimised code pays, and V8's compiler threads take the processors
// that hashing and io-wq need. Later versions have a quick compiler in between, and no such flag.
if (process.versions.v8.startsWith('11.')) setFlagsFromString('--interrupt-budget=600000')

const manifest = new URL('../../../package.json', import.meta.url)
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }

/** What commander prints on stdout: help and the version. It is written at the end, where a failure can be told. */
let shown = ''
const program = new Command('uring')
program.exitOverride().configureOutput({ writeOut: (text) => (shown += text) })
program.description("io_uring for Node.js: the kernel's, or the same on worker threads").version(version)
addSum(program)
addDoctor(program)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode // told, where there is something to tell
  else {
    complain(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}
if (shown !== '') {
  const { printAll } = await import('./output.js')
  process.exitCode = (await printAll(shown)) || process.exitCode
}
