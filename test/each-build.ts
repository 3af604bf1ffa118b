/** For tests that run the compiled modules and the package as it is shipped. */
import { type Body, onEachBackend } from '../src/driver/driver.test.backends.js'
import type { Uring } from '../src/driver/uring.js'

const shipped = (await import(new URL('../lib/index.js', import.meta.url).href)) as { Uring: typeof Uring }

/** Registers one test a backend and build. */
export function onEachBuild(name: string, body: Body): void {
  onEachBackend(name, body)
  onEachBackend(name, { of: [', as shipped', shipped.Uring] }, body)
}
