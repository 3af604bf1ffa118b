/**
 * Puts the compiled modules together into dist/lib: what the package exports, the command, and the workers' entries.
 *
 * Node takes a millisecond for each module it loads, on the main thread and again in every worker. The bundle has one
 * file an entry and, where entries are a group, one for what they share; all in one folder. Types stay in dist/src.
 */

import { rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Output name: compiled module. A group is what one thread may load, and so shares modules. */
export const GROUPS = [
  // Whole in a file each, for a second one takes a millisecond more. What is to be one, lib/per-thread.js makes one.
  { index: 'index.js' },
  { ring: 'driver/bare.js' },
  { threads: 'backends/threads/index.js' },
  { fs: 'fs/fs.js' },
  { pool: 'pool/pool.js', 'pool-nodes': 'pool/node-pools.js', 'pool-keys': 'pool/jobs/shared-keys.js' },
  // One file each, with a Pool of its own: a program has one of them.
  { tinypool: 'compat/tinypool/tinypool.js' },
  { 'tinypool-jobs': 'compat/tinypool/jobs.js' },
  { uring: 'cli/main.js' },
  { 'pool-worker': 'pool/worker/worker.js' },
  { 'pool-postmaster': 'pool/post/postmaster.js' },
  // Shares nothing with the worker but a protocol: modules of jobs may bundle it.
  { 'pool-job': 'pool/worker/job.js' },
  { 'ring-worker': 'backends/threads/worker.js' },
  { 'waiter-worker': 'sys/waiter-worker.js' },
  { 'sum-jobs': 'cli/sum-jobs.js' },
  { 'doctor-worker': 'cli/doctor-worker.js' },
]

/** Where modules name files relative to themselves, and what that is in the one folder. Each stands there once. */
const MOVED = {
  'pool/owner.js': ["'./worker/worker.js'", "'./pool-worker.js'"],
  'pool/give/post.js': ["'../post/postmaster.js'", "'./pool-postmaster.js'"],
  'backends/threads/state/tctx.js': ["'../worker.js'", "'./ring-worker.js'"],
  'sys/addon.js': ["'../../native/'", "'../native/'"],
  'sys/waiter.js': ["'./waiter-worker.js'", "'./waiter-worker.js'"],
  'compat/tinypool/crew.js': ["'./jobs.js'", "'./tinypool-jobs.js'"],
  'cli/sum-pool.js': ["'./sum-jobs.js'", "'./sum-jobs.js'"],
  'cli/doctor-run.js': ["'./doctor-worker.js'", "'./doctor-worker.js'"],
  'cli/main.js': ["'../../../package.json'", "'../../package.json'"],
}

/**
 * Of the kernel's tables `uring` needs offsets and sizes, and of few: laying them out whenever it is loaded takes a
 * millisecond. So they are numbers in it, and what it does not use is left out.
 */
const layOut = {
  name: 'lay-out',
  setup({ onLoad }) {
    onLoad({ filter: /src\/abi\/\w+\.js$/ }, async ({ path }) => {
      const tables = await import(pathToFileURL(path))
      const text = await readFile(path, 'utf8')
      const contents = text.replace(/(?<=^export const (\w+) = )lazyStruct\([\s\S]*?\n\]\);$/gm, (_, table) => {
        const { name, at, size } = tables[table]
        return `${JSON.stringify({ name, at, size })};`
      })
      return { contents }
    })
  },
}

/** Throws if a module has moved or names another file than this script knows of. */
export async function bundle(root) {
  const { build } = await import('esbuild')
  const src = join(root, 'dist/src')
  const left = new Set(Object.keys(MOVED))
  const move = {
    name: 'move',
    setup({ onLoad, onResolve }) {
      // What most programs never load shares nothing: else all that it has in common with others would be files of its own.
      onResolve({ filter: /backends\/threads\/index\.js$/ }, ({ kind }) =>
        kind === 'dynamic-import' ? { path: './threads.js', external: true } : undefined,
      )
      onLoad({ filter: /\.js$/ }, async ({ path }) => {
        const name = relative(src, path)
        const text = await readFile(path, 'utf8')
        const named = text.match(/new URL\('\.\.?\/[^)]*, import\.meta\.url\)/g) ?? []
        const [from, to] = MOVED[name] ?? []
        const isKnown = named.filter((one) => one === `new URL(${from}, import.meta.url)`).length
        // A doc comment's example is no such place.
        const places = named.filter(
          (one) => !text.includes(`* const pool = new Pool<typeof import('./jobs.js')>(${one}`),
        )
        if (places.length !== isKnown || (from !== undefined && isKnown !== 1)) {
          throw new Error(`scripts/bundle.mjs does not know what ${name} names: ${places.join()}`)
        }
        left.delete(name)
        return from === undefined
          ? undefined
          : { contents: text.replace(`(${from}, import.meta.url)`, `(${to}, import.meta.url)`) }
      })
    },
  }
  const outdir = join(root, 'dist/lib')
  rmSync(outdir, { recursive: true, force: true })
  const options = {
    absWorkingDir: root,
    outdir,
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    legalComments: 'none',
    sourcemap: true,
    logLevel: 'warning',
    plugins: [move],
  }
  // Indentation is a third of the text, and that third makes Node 20 collect garbage once more: 0.9 ms. An error that
  // shows a line of it shows a short one.
  const fast = { plugins: [layOut, move], minifyWhitespace: true, lineLimit: 120 }
  for (const group of GROUPS) {
    const entryPoints = Object.fromEntries(Object.entries(group).map(([name, path]) => [name, join(src, path)]))
    await build({ ...options, ...('index' in group ? fast : {}), entryPoints })
  }
  if (/lazyStruct|\.fields\b/.test(await readFile(join(outdir, 'index.js'), 'utf8'))) {
    throw new Error(
      'scripts/bundle.mjs: a table of index.js is not laid out, or is asked for more than offsets and size',
    )
  }
  if (left.size > 0) throw new Error(`scripts/bundle.mjs: the bundle lacks ${[...left].join(', ')}`)
}
