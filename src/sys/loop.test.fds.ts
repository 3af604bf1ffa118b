/**
 * What this process has open, for tests that count it before and after. Left out are /dev/null, which libuv opens and keeps at
 * the first stream of a loop (as a process writes its first line), and the listing itself.
 */
import { readdirSync, readlinkSync } from 'node:fs'

const FOLDER = '/proc/self/fd'

/** What each descriptor is, by its number, such as `anon_inode:[eventfd]`. */
export function openFds(): Map<number, string> {
  const found = new Map<number, string>()
  for (const fd of readdirSync(FOLDER)) {
    try {
      const link = readlinkSync(`${FOLDER}/${fd}`)
      if (link !== '/dev/null') found.set(Number(fd), link)
    } catch {
      // The listing's own, closed by now.
    }
  }
  return found
}

export function nrOpenFds(): number {
  return openFds().size
}
