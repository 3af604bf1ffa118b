/**
 * The backends that `uring sum` can be tested on here. Main thread.
 */
import { Uring } from '../../src/driver/uring.js'

export interface BackendUnderTest {
  readonly name: 'kernel' | 'threads'
  /** Why it cannot be tested here; false if it can. */
  readonly skip: string | false
}

export const BACKENDS: readonly BackendUnderTest[] = [
  { name: 'kernel', skip: await refusal('kernel') },
  { name: 'threads', skip: await refusal('threads') },
]

async function refusal(backend: 'kernel' | 'threads'): Promise<string | false> {
  try {
    const ring = await Uring.open({ backend })
    await ring.close()
    return false
  } catch (error) {
    return `no ${backend} backend here: ${(error as Error).message}`
  }
}
