/**
 * An empty job, as a module that exports it by name: for our Pool. Workers run it.
 */

export function noop(): void {}
