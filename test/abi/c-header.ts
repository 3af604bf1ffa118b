/**
 * Asks a C compiler where the kernel's header puts things: writes a program, compiles it in a scratch folder, runs it.
 *
 * Main thread, tests only. It names every field and constant of our tables; those that the header at hand is too old
 * to know do not compile, and are taken out by the line numbers of the compiler's errors. What is measured this way
 * must never come from our own numbers: the program holds names alone.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { join } from 'node:path'

/** One struct to measure: `fields` are [our name, C's name]. */
export interface StructNames {
  readonly name: string
  readonly fields: readonly (readonly [ours: string, c: string])[]
}

/** What the header says. A field is [offset, bytes]; 0 bytes is a flexible array. Names it lacks are absent. */
export interface Measured {
  readonly from: string
  readonly structs: Record<string, { size: number; fields: Record<string, [offset: number, bytes: number]> }>
  readonly constants: Record<string, number>
}

const HEADERS = [
  'linux/io_uring.h',
  'linux/version.h',
  'linux/time_types.h',
  'linux/stat.h',
  'linux/fs.h',
  'linux/fcntl.h',
  'linux/openat2.h',
  'linux/poll.h',
  'linux/uio.h',
  'linux/io_uring/query.h',
  'linux/falloc.h',
  'linux/fadvise.h',
  'linux/mman.h',
  'linux/xattr.h',
  'linux/in.h',
  'linux/in6.h',
  'linux/un.h',
  'linux/tcp.h',
  'linux/futex.h',
  'linux/wait.h',
  'linux/eventpoll.h',
  'asm/siginfo.h',
  'linux/limits.h',
  'linux/magic.h',
  'linux/errno.h',
  'time.h',
]
const OF_LIBC = ['iovec', 'flock', 'flock64', 'f_owner_ex']
const INCLUDES = [
  ...HEADERS.map((name) => `#if __has_include(<${name}>)\n#include <${name}>\n#endif`),
  // The C library's headers bring structs of their own, which must not be second ones of those names.
  ...OF_LIBC.map((name) => `#define ${name} ${name}_of_libc`),
  // Macros here are members of an enum there, or mean less.
  ...['F_OWNER_TID', 'F_OWNER_PID', 'F_OWNER_PGRP', '__O_TMPFILE'].map((name) => `#undef ${name}`),
  '#include <sys/socket.h>\n#include <fcntl.h>\n#include <sys/eventfd.h>',
  ...OF_LIBC.map((name) => `#undef ${name}`),
  // Of signals the numbers alone: the rest of that header is not for one file with asm/siginfo.h.
  '#define _SIGNAL_H\n#if __has_include(<bits/signum-arch.h>)\n#include <bits/signum-arch.h>\n#endif',
]

/** The header's view of these names, or in words why there is none. `includeDirs` go before the compiler's own. */
export function measure(
  structs: readonly StructNames[],
  constants: readonly string[],
  includeDirs: readonly string[] = [],
): Measured | string {
  const dir = mkdtempSync(join(tmpdir(), 'uring-abi-'))
  const source = join(dir, 'abi.c')
  const program = join(dir, 'abi')
  const compile = (lines: readonly string[]) => {
    writeFileSync(source, `${lines.join('\n')}\n`)
    const flags = ['-w', '-D_GNU_SOURCE', ...includeDirs.flatMap((path) => ['-I', path])]
    const { error, status, stderr } = run(process.env['CC'] ?? 'cc', [...flags, '-o', program, source])
    return error !== undefined ? 'no C compiler' : status === 0 ? undefined : stderr
  }
  try {
    const trial = compile(['#include <linux/io_uring.h>', 'int main(void) { return 0; }'])
    if (trial !== undefined) {
      return trial === 'no C compiler' ? trial : `linux/io_uring.h does not compile: ${trial.split('\n')[0]}`
    }

    const lines = programLines(structs, constants)
    for (let errors = compile(lines); errors !== undefined; errors = compile(lines)) {
      const places = errors.matchAll(/abi\.c:(\d+):(?:\d+:)? (?:fatal )?error/g)
      const unknown = Array.from(places, ([, line]) => Number(line) - 1)
      if (unknown.length === 0 || unknown.some((line) => !/^ {2}\w/.test(lines[line] ?? ''))) throw new Error(errors)
      for (const line of unknown) lines[line] = ''
    }
    const { status, stdout, stderr } = run(program, [])
    if (status !== 0) throw new Error(`the program ended with ${status}: ${stderr}`)
    return parse(stdout)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/**
 * Which of these numbers are others to a compiler for another machine, or in words why nobody knows; and how many it has
 * names for. Nothing is run.
 */
export function disagreeing(
  compiler: string,
  constants: readonly (readonly [name: string, value: number])[],
): { readonly others: string[]; readonly nrKnown: number } | string {
  const dir = mkdtempSync(join(tmpdir(), 'uring-abi-'))
  const source = join(dir, 'abi.c')
  try {
    const lines = constants.map(([name, value]) => `_Static_assert((long long)(${name}) == ${value}LL, "${name}");`)
    writeFileSync(source, `${[...INCLUDES, ...lines].join('\n')}\n`)
    const { error, stderr } = run(compiler, ['-w', '-D_GNU_SOURCE', '-fsyntax-only', '-fmax-errors=0', source])
    if (error !== undefined) return `no ${compiler}`
    const found = (what: RegExp) => [...new Set(Array.from(stderr.matchAll(what), ([, name]) => name!))]
    const unknown = found(/error: .(\w+). undeclared/g)
    const others = found(/error: static assertion failed: "(\w+)"/g)
    const nrErrors = stderr.match(/ error: /g)?.length ?? 0
    if (nrErrors > 2 * unknown.length + others.length) throw new Error(stderr)
    return { others, nrKnown: constants.length - unknown.length }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** One name a line, indented by two: only such lines may be taken out. No macros, for errors must name these lines. */
function programLines(structs: readonly StructNames[], constants: readonly string[]): string[] {
  const ofStruct = ({ name, fields }: StructNames) => [
    `  printf("size ${name} %zu\\n", sizeof(struct ${name}));`,
    ...fields.map(
      ([ours, c]) =>
        `  printf("field ${name} ${ours} %zu %zu\\n", offsetof(struct ${name}, ${c}), sizeof(((struct ${name} *)0)->${c}));`,
    ),
  ]
  return [
    ...['#include <stddef.h>', '#include <stdio.h>', ...INCLUDES].join('\n').split('\n'),
    'int main(void) {',
    '  printf("version %d\\n", LINUX_VERSION_CODE);',
    ...structs.flatMap(ofStruct),
    ...constants.map((name) => `  printf("constant ${name} %lld\\n", (long long)(${name}));`),
    'return 0;',
    '}',
  ]
}

function parse(output: string): Measured {
  let from = `Linux headers of unknown version, ${arch()}`
  const structs: Measured['structs'] = {}
  const constants: Measured['constants'] = {}
  for (const line of output.trim().split('\n')) {
    const [kind, name = '', ...rest] = line.split(' ')
    const numbers = rest.slice(-2).map(Number)
    if (kind === 'version') {
      const code = Number(name)
      from = `Linux ${code >> 16}.${(code >> 8) & 255}.${code & 255}, ${arch()}`
    } else if (kind === 'size') structs[name] = { size: numbers[0]!, fields: {} }
    else if (kind === 'field') structs[name]!.fields[rest[0]!] = [numbers[0]!, numbers[1]!]
    else if (kind === 'constant') constants[name] = numbers[0]!
    else throw new Error(`the program printed '${line}'`)
  }
  return { from, structs, constants }
}

function run(file: string, args: readonly string[]) {
  return spawnSync(file, args, { encoding: 'utf8', timeout: 60_000, env: { ...process.env, LC_ALL: 'C' } })
}
