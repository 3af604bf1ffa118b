/**
 * The one `any` of this package: of values that other libraries' types leave open. No thread; types only.
 */

// biome-ignore lint/suspicious/noExplicitAny: theirs say any, and a program that moves here compiles only if ours do
export type Any = any
