/**
 * The only place that runs clang, and the only one of the phases that reads and writes files. In: C text. Out: a stripped eBPF object, or the
 * compiler's message.
 *
 * Objects are cached by a hash over everything that decides their bytes: the text, every header, the flags and which clang it is. A changed
 * endpoint, weight or address changes no text, so it runs clang zero times.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, realpathSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Toolchain {
  /** templates/<name>.c.hbs by name */
  readonly templates: ReadonlyMap<string, string>
  /** texts of the constant objects by unit name: bpf/*.c */
  readonly base: ReadonlyMap<string, string>
  compile(text: string): Promise<CompileResult>
}

export type CompileResult =
  | { readonly kind: 'object'; readonly object: Uint8Array; readonly cached: boolean }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'missing'; readonly message: string }

/**
 * -mcpu=v3 (32-bit arithmetic, wide jumps) needs kernel 5.1; debug information is needed for BTF and stripped down to it.
 * -no-stack-slot-sharing: without CAP_PERFMON the verifier refuses 4 bytes written where a pointer was spilled before.
 */
const FLAGS = [
  '-O2',
  '-g',
  '-target',
  'bpf',
  '-mcpu=v3',
  '-mllvm',
  '-no-stack-slot-sharing',
  '-Wall',
  '-Werror',
  '-fdebug-compilation-dir=.',
  '-I',
  '.',
  '-I',
  'bpf',
  '-I',
  'bpf/lib',
  ...multiarchInclude(),
]
const CLANG_NAMES = ['clang-14', 'clang-16', 'clang-19', 'clang']
const ELF_MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46])

export async function openToolchain(): Promise<Toolchain> {
  const root = packageRoot()
  const templates = new Map<string, string>()
  for (const name of (await readdir(join(root, 'templates'))).filter((file) => file.endsWith('.c.hbs')).sort()) {
    templates.set(name.slice(0, -'.c.hbs'.length), await readFile(join(root, 'templates', name), 'utf8'))
  }
  const base = new Map<string, string>()
  for (const name of (await readdir(join(root, 'bpf'))).filter((file) => file.endsWith('.c')).sort()) {
    base.set(name.slice(0, -'.c'.length).replaceAll('-', '_'), await readFile(join(root, 'bpf', name), 'utf8'))
  }
  const headers = createHash('sha256').update(FLAGS.join('\0'))
  for (const name of (await readdir(join(root, 'bpf', 'lib'), { recursive: true })).filter((file) => file.endsWith('.h')).sort())
    headers.update(name).update(await readFile(join(root, 'bpf', 'lib', name)))
  const seed = headers.digest()
  const cache = cacheDirectory()
  const clang = findClang()
  return {
    templates,
    base,
    async compile(text) {
      if (clang === undefined) return { kind: 'missing', message: `none of ${CLANG_NAMES.join(', ')} is on PATH` }
      const key = createHash('sha256').update(seed).update(clang.identity).update('\0').update(text).digest('hex')
      const path = join(cache, `${key}.o`)
      const known = await readFile(path).catch(() => undefined)
      if (known?.subarray(0, 4).equals(ELF_MAGIC) === true) return { kind: 'object', object: known, cached: true }
      const result = await runClang(clang.command, root, text)
      if (result.kind === 'object') await store(cache, path, result.object)
      return result
    },
  }
}

async function runClang(command: string, root: string, text: string): Promise<CompileResult> {
  const directory = await mkdtemp(join(tmpdir(), 'kmeshc-'))
  try {
    const object = join(directory, 'unit.o')
    const compiled = await run(command, [...FLAGS, '-x', 'c', '-c', '-', '-o', object], root, text)
    if (compiled.code !== 0) return { kind: 'failed', message: compiled.stderr.trim() }
    const stripped = await run(stripName(command), ['-g', object], root, '')
    if (stripped.code !== 0) return { kind: 'failed', message: `llvm-strip: ${stripped.stderr.trim()}` }
    return { kind: 'object', object: await readFile(object), cached: false }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Atomic, so that two compilers may share the cache; a cache that cannot be written costs time, not correctness. */
async function store(cache: string, path: string, object: Uint8Array): Promise<void> {
  const partial = `${path}.${process.pid}`
  try {
    await mkdir(cache, { recursive: true })
    await writeFile(partial, object)
    await rename(partial, path)
  } catch {
    await rm(partial, { force: true }).catch(() => undefined)
  }
}

/** A clang is told apart by its file, so that a warm cache starts no process at all. */
function findClang(): { readonly command: string; readonly identity: string } | undefined {
  for (const name of CLANG_NAMES) {
    for (const directory of (process.env.PATH ?? '').split(':')) {
      const path = join(directory, name)
      if (!existsSync(path)) continue
      const { size, mtimeMs } = statSync(path)
      return { command: path, identity: `${realpathSync(path)} ${size} ${mtimeMs}` }
    }
  }
  return undefined
}

const stripName = (clang: string): string => join(dirname(clang), basename(clang).replace('clang', 'llvm-strip'))

/** Where Debian keeps asm/types.h, which <linux/bpf.h> needs. */
function multiarchInclude(): readonly string[] {
  const directory = { x64: '/usr/include/x86_64-linux-gnu', arm64: '/usr/include/aarch64-linux-gnu' }[process.arch as string]
  return directory === undefined ? [] : ['-idirafter', directory]
}

function cacheDirectory(): string {
  return join(process.env.KMESHC_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'kmeshc'), 'objects')
}

/** The directory of package.json, from the sources and from dist/ alike. */
function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(directory, 'package.json'))) {
    if (directory === dirname(directory)) throw new Error('package.json not found above the compiler')
    directory = dirname(directory)
  }
  return directory
}

function run(
  command: string,
  args: readonly string[],
  cwd: string,
  stdin: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { cwd, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : 1, stdout, stderr: stderr || (error?.message ?? '') })
    })
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(stdin)
  })
}
