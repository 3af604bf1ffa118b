/**
 * An empty job, as a module's default export: for piscina and tinypool. Workers run it.
 */

export { noop as default } from './noop.js'
