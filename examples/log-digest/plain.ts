/**
 * plain FILE… [--json]: the same without a Pool, in one loop on one thread, as well as one can write it. Main thread.
 *
 * What log-digest is measured against: the same parser, large reads into memory that is used again, nothing copied.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { HostTable } from './digest.js'
import { report } from './report.js'

const CHUNK_BYTES = 1024 * 1024
const MAX_LINE_BYTES = 64 * 1024
const NEWLINE = 10

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
})
const startMs = performance.now()
const table = new HostTable()
const memory = Buffer.allocUnsafeSlow(MAX_LINE_BYTES + CHUNK_BYTES)
for (const path of positionals) {
  const fd = openSync(path, 'r')
  // | the line that the last chunk cut | the next chunk |
  let rest = 0
  for (;;) {
    const nrBytes = readSync(fd, memory, rest, memory.length - rest, null)
    const text = memory.subarray(0, rest + nrBytes)
    const end = nrBytes === 0 ? text.length : text.lastIndexOf(NEWLINE) + 1
    table.addText(text.subarray(0, end))
    if (nrBytes === 0) break
    rest = text.copy(memory, 0, end)
  }
  closeSync(fd)
}
report(table, startMs, values.json, {})
