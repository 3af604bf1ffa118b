/**
 * Logs to try log-digest on: a web server's days, the same every time. Main thread.
 */

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const PATHS = [
  '/',
  '/index.html',
  '/news',
  '/login',
  '/api/items',
  '/api/items/7',
  '/img/logo.png',
  '/style.css',
  '/old',
]
const STATUSES = [200, 200, 200, 200, 200, 200, 304, 301, 404, 500]
const NR_HOSTS = 400
const WRITE_BYTES = 65_536

/** Writes a log of about `bytes` in combined format: some hosts far busier than others, a bad line now and then. */
export async function writeSample(path: string, bytes: number, seed = 1): Promise<void> {
  const random = prng(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const out = createWriteStream(path)
  let seconds = Date.UTC(2024, 0, seed) / 1000
  let text = ''
  for (let written = 0; written < bytes; ) {
    seconds += Math.floor(random() * 20)
    const number = Math.floor(NR_HOSTS * random() ** 3)
    const host = `10.${number >> 6}.${number & 63}.${1 + (number % 250)}`
    const request = `GET ${pick(PATHS)} HTTP/1.1`
    const line =
      random() < 0.001
        ? '-- log rotated --'
        : `${host} - - [${stamp(seconds)}] "${request}" ${pick(STATUSES)} ${Math.floor(random() * 50_000)} "-" "Mozilla/5.0"`
    text += `${line}\n`
    written += line.length + 1
    if (text.length < WRITE_BYTES && written < bytes) continue
    if (!out.write(text)) await once(out, 'drain')
    text = ''
  }
  out.end()
  await once(out, 'close')
}

function stamp(seconds: number): string {
  const at = new Date(seconds * 1000)
  const two = (n: number) => String(n).padStart(2, '0')
  const day = `${two(at.getUTCDate())}/${MONTHS[at.getUTCMonth()]}/${at.getUTCFullYear()}`
  return `${day}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`
}

/** mulberry32. */
function prng(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
