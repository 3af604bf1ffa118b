/**
 * examples/log-digest finds what one pass over the lines finds, and stops when it is told to. Main thread; the example is a
 * process.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { HostTable } from '../../examples/log-digest/digest.js'
import { digestRange } from '../../examples/log-digest/jobs.js'
import { type Digest, digests } from '../../examples/log-digest/report.js'
import { writeSample } from '../../examples/log-digest/sample.js'
import { Prng } from '../model/prng.js'
import { drawSeed } from '../seed.js'

const MAIN = fileURLToPath(new URL('../../examples/log-digest/main.js', import.meta.url))
const PLAIN = fileURLToPath(new URL('../../examples/log-digest/plain.js', import.meta.url))
const SESSION_GAP_SECONDS = 1800
const BAD_LINE = '-- log rotated --'

test('what it finds in many pieces is what one pass over the lines finds', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'uring-digest-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const logs = ['a.log', 'b.log'].map((name) => join(folder, name))
  await writeSample(logs[0]!, 700_000, 1)
  await writeSample(logs[1]!, 300_000, 9)
  const text = logs.map((log) => readFileSync(log, 'utf8')).join('')
  const out = join(folder, 'out')
  const { code, stdout, stderr } = await outcome(start([...logs, '--json', '--out', out]))
  assert.equal(code, 0, stderr)
  const found = JSON.parse(stdout) as { lines: number; bad: number; saved: number; hosts: Digest[] }
  const expected = onePass(text)
  assert.equal(found.lines, text.trimEnd().split('\n').length)
  assert.equal(found.bad, text.split(BAD_LINE).length - 1)
  assert.ok(found.bad > 0)
  assert.deepEqual(new Map(found.hosts.map((host) => [host.host, host])), expected)
  assert.equal(found.saved, expected.size)
  const saved = readdirSync(out).flatMap((name) => {
    const hosts = readFileSync(join(out, name), 'utf8').trimEnd().split('\n')
    const found = hosts.map((line) => JSON.parse(line) as Digest)
    for (const { host } of found) assert.ok(host.startsWith(name.replace(/jsonl$/, '')), `${host} in ${name}`)
    return found
  })
  assert.deepEqual(new Map(saved.map((host) => [host.host, host])), expected)
  assert.deepEqual(JSON.parse((await outcome(start([...logs, '--json'], {}, PLAIN))).stdout).hosts, found.hosts)
})

test('rows of a log cut anywhere between lines, added up, are the rows of the whole', () => {
  const { seed, runs } = drawSeed(200)
  for (let run = 0; run < runs; run++) {
    const random = new Prng(seed + run)
    let seconds = 1_700_000_000
    const lines = Array.from({ length: 40 }, () => {
      // Within a session, beyond it, and now and then back in time.
      seconds += random.pick([0, 60, 1700, 1800, 1801, 4000, -30, -3000])
      const at = new Date(seconds * 1000)
        .toUTCString()
        .replace(/^\w+, (\d+) (\w+) (\d+) ([\d:]+) GMT$/, '$1/$2/$3:$4 +0000')
      return `h${random.int(2)} - - [${at}] "GET / \\"x" HTTP/1.1" ${random.pick([200, 404])} ${random.pick(['-', 7])}\n`
    })
    const whole = new HostTable()
    whole.addText(Buffer.from(lines.join('')))
    assert.equal(whole.bad, 0)
    const sum = new HostTable()
    for (let at = 0; at < lines.length; ) {
      const part = new HostTable()
      const length = 1 + random.int(8)
      part.addText(Buffer.from(lines.slice(at, at + length).join('')))
      sum.addPart(part.part())
      at += length
    }
    assert.deepEqual(digests(sum), digests(whole), `seed ${seed + run}`)
  }
})

test('each line belongs to one range, wherever a file is cut', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'uring-digest-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'log')
  const line = (host: string) => `${host} - - [01/Mar/2024:12:00:00 +0200] "GET / HTTP/1.0" 200 5`
  const text = `${line('a')}\n${line('b')}\n\n${line('c'.repeat(300))}\n${line('d')}`
  writeFileSync(path, text)
  for (let step = 1; step < 160; step++) {
    const table = new HostTable()
    for (let at = 0; at < text.length; at += step)
      table.addPart(digestRange(path, at, Math.min(at + step, text.length)))
    assert.deepEqual([table.lines, table.bad, table.bytes], [5, 1, text.length], `step ${step}`)
  }
})

test('a last line without an end counts, times are taken with their zone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'uring-digest-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const log = join(folder, 'zones.log')
  const line = (time: string) => `host - bob [${time}] "GET / HTTP/1.0" 200 -`
  // The second is 29 minutes after the first, the third 31 after the second.
  const times = ['01/Mar/2024:12:00:00 +0200', '01/Mar/2024:10:29:00 +0000', '01/Mar/2024:06:00:00 -0500']
  writeFileSync(log, times.map(line).join('\n'))
  const { code, stdout, stderr } = await outcome(start([log, '--json']))
  assert.equal(code, 0, stderr)
  const { hosts } = JSON.parse(stdout) as { hosts: Digest[] }
  const only = { host: 'host', hits: 3, bytes: 0, errors: 0, sessions: 2, longestSeconds: 1740 }
  assert.deepEqual(hosts, [only])
})

test('without files it makes some, and clears them away', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'uring-digest-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const { code, stdout, stderr } = await outcome(start(['--make', '0.2'], { TMPDIR: folder }))
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^\d+ lines, \d+ hosts, \d+ sessions; /)
  assert.deepEqual(readdirSync(folder), [])
})

for (const [how, args, code] of [
  ['interrupted', [], 130],
  ['timeout', ['--timeout', '1'], 124],
] as const) {
  test(`it stops in the middle of an input without an end, and says what it found: ${how}`, async () => {
    const child = start(['-', ...args])
    const ended = outcome(child)
    child.stdin!.on('error', () => {})
    child.stdin!.write(`h - - [01/Mar/2024:12:00:00 +0200] "GET / HTTP/1.0" 200 5\n`.repeat(10_000))
    await once(child.stderr!, 'data')
    if (how === 'interrupted') child.kill('SIGINT')
    const { code: status, stdout, stderr } = await ended
    assert.equal(status, code, stderr)
    assert.equal(stderr, 'reading -\n')
    assert.match(stdout, new RegExp(`^\\d+ lines, [01] hosts, .*\\nstopped: ${how}; \\d+ jobs never ran\\n$`, 's'))
  })
}

function onePass(text: string): Map<string, Digest> {
  const hosts = new Map<string, Digest>()
  const last = new Map<string, number>()
  const began = new Map<string, number>()
  for (const line of text.trimEnd().split('\n')) {
    if (line === BAD_LINE) continue
    const [host = '', , , day = '', , , , , status, bytes] = line.split(' ')
    // [03/Jan/2024:01:02:03
    const seconds = Date.parse(`${day.slice(1).replaceAll('/', ' ').replace(':', ' ')} UTC`) / 1000
    const so = hosts.get(host) ?? { host, hits: 0, bytes: 0, errors: 0, sessions: 0, longestSeconds: 0 }
    const before = last.get(host)
    const isNew = before === undefined || seconds - before > SESSION_GAP_SECONDS
    if (isNew) began.set(host, seconds)
    last.set(host, seconds)
    hosts.set(host, {
      host,
      hits: so.hits + 1,
      bytes: so.bytes + Number(bytes),
      errors: so.errors + (Number(status) >= 400 ? 1 : 0),
      sessions: so.sessions + (isNew ? 1 : 0),
      longestSeconds: Math.max(so.longestSeconds, seconds - began.get(host)!),
    })
  }
  return hosts
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}, program = MAIN): ChildProcess {
  return spawn(process.execPath, [program, ...args], { env: { ...process.env, ...env } })
}

async function outcome(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  let stdout = ''
  let stderr = ''
  child.stdout!.on('data', (data) => {
    stdout += data
  })
  child.stderr!.on('data', (data) => {
    stderr += data
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}
