/**
 * What the entries of the package have in common in one thread, though each is a file of its own. Main thread.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { type Backend, Uring } from 'uring'
import { loadSyscalls, type Syscalls } from 'uring/ring'

for (const backend of ['kernel', 'threads'] as const) {
  test(`uring and uring/ring have one Syscalls a thread (${backend})`, { skip: await whyNot(backend) }, async () => {
    const ring = await Uring.open({ backend })
    const syscalls = await loadSyscalls(backend)
    assert.equal(nrRingsOf(syscalls), 1)
    await ring.close()
    assert.equal(nrRingsOf(syscalls), 0)
  })
}

test('there are two backends', async () => {
  for (const odd of ['auto', 'kernal', undefined]) {
    await assert.rejects(loadSyscalls(odd as 'kernel'), { code: 'ERR_INVALID_ARG_VALUE' })
  }
})

/** Why a backend cannot be tested here; false where it can. */
async function whyNot(backend: Backend): Promise<string | false> {
  try {
    await (await Uring.open({ backend })).close()
    return false
  } catch (error) {
    return (error as Error).message
  }
}

/** Syscalls asserts that it is asked about rings of its own. */
function nrRingsOf(syscalls: Syscalls): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      syscalls.memory(Number(fd))
      return true
    } catch {
      return false
    }
  }).length
}
