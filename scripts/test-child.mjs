/**
 * Runs one test file in a process of its own: `node --test-reporter=…/reporter.mjs test-child.mjs FILE EVENTS`.
 *
 * Notes each test's name before it begins, synchronously, so that the runner can name a test that hangs in a futex
 * or takes the process down. (A reporter learns of a test too late for that.)
 */

import { beforeEach } from 'node:test'
import { pathToFileURL } from 'node:url'
import { note } from './reporter.mjs'

beforeEach((t) => note({ kind: 'begin', name: t.name }))

const file = process.argv[2]
process.argv.splice(1, Number.POSITIVE_INFINITY, file)
await import(pathToFileURL(file).href)
