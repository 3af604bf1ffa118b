/**
 * Node's own modules, loaded when first needed. Any thread.
 *
 * `import` makes a namespace of a module's exports, and so runs all that Node itself defers: 1 to 2 ms for node:fs or
 * node:util. A request for the module runs none of it. So modules that only opening a ring or an error requires come
 * from here. Counterpart: none.
 */
import { createRequire } from 'node:module'
import { process } from './globals.js'

interface Builtins {
  'node:fs': typeof import('node:fs')
  'node:fs/promises': typeof import('node:fs/promises')
  'node:net': typeof import('node:net')
  'node:os': typeof import('node:os')
  'node:url': typeof import('node:url')
  'node:util': typeof import('node:util')
  'node:worker_threads': typeof import('node:worker_threads')
}

let require: NodeJS.Require | undefined

/** require() as it works in a file of this package. */
export function requireHere(id: string): unknown {
  require ??= createRequire(import.meta.url)
  return require(id)
}

export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  // Node 20.16 and 22.3 have getBuiltinModule, which requires no require().
  return (process.getBuiltinModule?.(name) ?? requireHere(name)) as Builtins[Name]
}
