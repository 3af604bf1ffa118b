/** Where the system makes no more threads, errors of pools and rings name the limit. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

/** A user who has no other process. */
const UID = 54_321

const skip = process.getuid?.() === 0 ? false : 'only root can become a user who has no other process'

const PROGRAMS = {
  pool: `
    const { Pool } = await import(ROOT + 'pool/pool.js')
    const pool = new Pool(ROOT + 'nobody-loads-this.js')
    limit()
    await pool.run('noop').catch(tell)
    await pool.close()`,
  ring: `
    const { Uring } = await import(ROOT + 'index.js')
    const { openSync } = await import('node:fs')
    const ring = await Uring.open({ backend: 'threads' })
    const fd = openSync('/dev/null', 'w')
    limit()
    await ring.fsync(fd).catch(tell)
    await ring.close()`,
}

for (const [what, program] of Object.entries(PROGRAMS)) {
  test(`${what}: RLIMIT_NPROC`, { skip }, () => {
    const text = `
      import { limitTo, RLIMIT_NPROC } from ${JSON.stringify(new URL('../rlimit.js', import.meta.url).href)}
      const ROOT = ${JSON.stringify(new URL('../../src/', import.meta.url).href)}
      const limit = () => {
        process.setgroups([])
        process.setgid(${UID})
        process.setuid(${UID})
        limitTo(RLIMIT_NPROC, 1n)
      }
      const tell = (error) => {
        const codes = []
        const texts = []
        for (let at = error; at instanceof Error; at = at.cause) { codes.push(at.code); texts.push(at.message) }
        console.log(JSON.stringify({ codes, texts }))
      }
      ${program}`
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    assert.equal(status, 0, stderr)
    const { codes, texts } = JSON.parse(stdout) as { codes: unknown[]; texts: string[] }
    assert.ok(codes.includes('ERR_WORKER_INIT_FAILED'), stdout)
    assert.ok(
      texts.some((line) => line.includes('RLIMIT_NPROC is 1 ')),
      stdout,
    )
  })
}
