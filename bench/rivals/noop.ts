/**
 * An empty job, as a module: named for our Pool, default for piscina and tinypool. Workers run it.
 */

export function noop(): void {}

export default noop
