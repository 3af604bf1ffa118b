/**
 * The binaries that the package ships: of this source, made again alike, in need of no library, and at work under glibc,
 * musl and on arm64. Main thread; what has no compiler here says so.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

interface Native {
  compile(target: string, output: string): string | undefined
  prebuilt(target: string): string
  staleBinaries(): string[]
  toolsOf(target: string): string | undefined
  readonly TOOLS_FILE: string
}
const script = new URL('../../../scripts/native.mjs', import.meta.url)
const { compile, prebuilt, staleBinaries, toolsOf, TOOLS_FILE } = (await import(script.href)) as Native
const TARGETS = ['linux-x64', 'linux-arm64']

const scratch = mkdtempSync(join(tmpdir(), 'uring-native-'))
after(() => rmSync(scratch, { recursive: true }))

test('the kept binaries are of this source: npm run native makes them', () => {
  assert.deepEqual(staleBinaries(), [])
})

for (const target of TARGETS) {
  const wanted = (JSON.parse(readFileSync(TOOLS_FILE, 'utf8')) as Record<string, string>)[target]
  const here = toolsOf(target)
  const skip = here !== wanted && `${target} was made by ${wanted}; here is ${here ?? 'none'}`

  test(`${target}: the same source makes the same bytes`, { skip }, () => {
    const output = join(scratch, target)
    assert.equal(compile(target, output), undefined)
    assert.ok(readFileSync(output).equals(readFileSync(prebuilt(target))))
  })

  test(`${target}: no library is needed, no version of one, only Node-API and four names of libc`, () => {
    const { needed, undefinedNames } = dynamicPart(readFileSync(prebuilt(target)))
    assert.deepEqual(needed, [])
    assert.deepEqual(undefinedNames.filter((name) => !name.startsWith('napi_')).sort(), [
      '__errno_location',
      'close',
      'dlsym',
      'munmap',
    ])
    assert.ok(!readFileSync(prebuilt(target)).includes('GLIBC'))
  })
}

const SYSROOT = '/usr/aarch64-linux-gnu'
for (const [where, target, compiler, emulator] of [
  ['glibc', `linux-${process.arch}`, ['cc'], []],
  ['musl', `linux-${process.arch}`, ['musl-gcc'], []],
  ['arm64', 'linux-arm64', ['aarch64-linux-gnu-gcc'], ['qemu-aarch64-static', '-L', SYSROOT]],
] as const) {
  const lacks = [compiler[0], ...emulator.slice(0, 1)].find(
    (tool) => spawnSync(tool, ['--version']).error !== undefined,
  )

  test(`the binary works under ${where}`, { skip: lacks !== undefined && `no ${lacks} here` }, () => {
    const source = fileURLToPath(new URL('./host.c', import.meta.url))
    const host = join(scratch, where)
    const made = spawnSync(compiler[0], ['-O1', '-rdynamic', source, '-o', host], { encoding: 'utf8' })
    assert.equal(made.status, 0, made.stderr)
    const [command = '', ...args] = [...emulator, host, prebuilt(target)]
    const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8' })
    assert.deepEqual([stdout, stderr, status], ['works\n', '', 0])
  })
}

/** Of an ELF file of 64 bits: the libraries it wants, and the symbols that others have to have. */
function dynamicPart(file: Buffer): { needed: string[]; undefinedNames: string[] } {
  const PT_DYNAMIC = 2
  const [DT_NEEDED, DT_STRTAB, DT_SYMTAB] = [1, 5, 6]
  const SYMBOL_BYTES = 24
  const u64 = (at: number) => Number(file.readBigUInt64LE(at))
  const text = (at: number) => file.toString('latin1', at, file.indexOf(0, at))
  const header = u64(32)
  const segments = Array.from({ length: file.readUInt16LE(56) }, (_, i) => header + i * file.readUInt16LE(54))
  const dynamic = segments.find((at) => file.readUInt32LE(at) === PT_DYNAMIC)
  assert.ok(dynamic !== undefined)
  const tags: [tag: number, value: number][] = []
  for (let at = u64(dynamic + 8); u64(at) !== 0; at += 16) tags.push([u64(at), u64(at + 8)])
  // The first segment is loaded as it lies in the file, and holds both tables: symbols, then names.
  const strings = tags.find(([tag]) => tag === DT_STRTAB)![1]
  const symbols = tags.find(([tag]) => tag === DT_SYMTAB)![1]
  const undefinedNames: string[] = []
  for (let at = symbols + SYMBOL_BYTES; at + SYMBOL_BYTES <= strings; at += SYMBOL_BYTES) {
    if (file.readUInt16LE(at + 6) === 0) undefinedNames.push(text(strings + file.readUInt32LE(at)))
  }
  assert.ok(undefinedNames.includes('napi_create_function'))
  const needed = tags.filter(([tag]) => tag === DT_NEEDED).map(([, value]) => text(strings + value))
  return { needed, undefinedNames }
}
