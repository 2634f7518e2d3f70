/**
 * Who may import whom, as a table, and the real import graph to hold against it (scripts/imports.test.ts).
 *
 * Phases meet in compiler/*.ts only: of each other they import types, and only downstream ones of upstream ones. Nobody but the files named here does
 * IO. runtime/ knows proto/ and nothing of compiler/ (invariants 3 and 9). Tests may import what they like.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join } from 'node:path'
import ts from 'typescript'

export interface Import {
  /** path from the root of the checkout */
  readonly file: string
  /** the same for a file of ours, else the package or "node:..." module */
  readonly target: string
  readonly kind: 'value' | 'type'
  readonly origin: 'own' | 'package' | 'node'
}

interface Rule {
  /** folders whose values may be imported, besides the own one */
  readonly values: readonly string[]
  /** folders whose types may be imported as well */
  readonly types: readonly string[]
}

/** By folder, the longest that fits. */
export const RULES: Readonly<Record<string, Rule>> = {
  proto: { values: [], types: [] },
  runtime: { values: ['proto'], types: [] },
  // what it does not decide in the kernel, it decides with the compiler's own interpreter: one meaning, written once
  'runtime/slow': {
    values: [
      'proto',
      'compiler/input',
      'compiler/diag',
      'compiler/parse',
      'compiler/ir',
      'compiler/balance',
      'compiler/http',
      'compiler/match',
      'compiler/action',
      'compiler/trace',
    ],
    types: ['runtime/serve/slow-lane.ts'],
  },
  compiler: { values: ['compiler', 'proto'], types: [] },
  'compiler/commands': { values: ['compiler', 'proto'], types: [] },
  'compiler/diag': { values: ['proto'], types: [] },
  'compiler/input': { values: ['proto'], types: ['compiler/diag'] },
  // parse fills the vocabulary of the Program, and is given the list of policies: their types are stated once, there
  'compiler/parse': {
    values: ['proto', 'compiler/http/subset-criteria.ts'],
    types: ['compiler/diag', 'compiler/input', 'compiler/ir/program.ts', 'compiler/balance/policy.ts'],
  },
  'compiler/balance': { values: ['proto'], types: ['compiler/diag', 'compiler/input', 'compiler/ir', 'compiler/lower'] },
  // eval is given the list of policies too
  'compiler/ir': {
    values: ['proto', 'compiler/http/asked-subsets.ts', 'compiler/http/named-clusters.ts', 'compiler/http/subset-criteria.ts'],
    types: ['compiler/diag', 'compiler/input', 'compiler/parse', 'compiler/balance/policy.ts', 'compiler/http'],
  },
  'compiler/lower': {
    values: ['proto', 'compiler/ir/key-text.ts', 'compiler/http/subset-criteria.ts'],
    types: ['compiler/diag', 'compiler/ir'],
  },
  // the meaning of HTTP as rows: which texts, headers and filters there are is said once, in the vocabulary; RE2's trees become automata
  'compiler/lower/http': {
    values: [
      'proto',
      'compiler/lower',
      'compiler/match',
      'compiler/re2',
      'compiler/http/forwards.ts',
      'compiler/http/inline-headers.ts',
      'compiler/http/subset-criteria.ts',
      'compiler/action/grpc.ts',
      'compiler/action/filters.ts',
    ],
    types: ['compiler/diag', 'compiler/ir', 'compiler/http', 'compiler/action'],
  },
  'compiler/emit': { values: ['proto'], types: ['compiler/diag', 'compiler/lower'] },
  'compiler/pack': { values: ['proto', 'compiler/lower/plan-tables.ts'], types: ['compiler/diag', 'compiler/lower', 'compiler/emit'] },
  // files, and the command beside this one
  'compiler/watch': { values: ['proto', 'compiler/sources.ts'], types: ['compiler/diag', 'compiler/input'] },
  // two artifacts, and what leads from one to the other
  'compiler/delta': { values: ['proto', 'compiler/pack'], types: ['compiler/lower'] },
  // a reader of every form that a configuration takes; nobody imports it but commands
  'compiler/diff': {
    values: ['proto', 'compiler/diag', 'compiler/input', 'compiler/ir', 'compiler/lower/plan-tables.ts'],
    types: ['compiler/lower'],
  },
  // route tests beside a configuration: the interpreters are given, but for layer 4's
  'compiler/expect': {
    values: ['proto', 'compiler/diag', 'compiler/ir'],
    types: ['compiler/input', 'compiler/http'],
  },
  'compiler/golden': { values: ['proto'], types: ['compiler/diag'] },
  // HTTP: match/ and action/ are its vocabulary, http/ drives the one and is given the other
  'compiler/match': { values: ['proto'], types: ['compiler/diag', 'compiler/input', 'compiler/http'] },
  'compiler/http': { values: ['proto', 'compiler/match', 'compiler/balance/hash.ts'], types: ['compiler/diag', 'compiler/input'] },
  'compiler/action': { values: ['proto', 'compiler/http', 'compiler/match'], types: ['compiler/diag', 'compiler/input'] },
  // no phase: it meets a server and reads what comes with the means of input/
  'compiler/fetch': { values: ['proto', 'compiler/diag', 'compiler/input'], types: [] },
  // RE2's own word on a pattern
  'compiler/re2': { values: [], types: [] },
  // what Envoy refuses, by rules that are given how to walk and what RE2 says
  'compiler/validate': { values: ['proto'], types: ['compiler/diag', 'compiler/input', 'compiler/re2'] },
  scripts: { values: ['compiler', 'runtime', 'proto'], types: [] },
}

/** Modules that reach outside of the process, and the files and folders below compiler/ and proto/ that may use them. */
export const IO_MODULES = [
  'fs',
  'fs/promises',
  'child_process',
  'net',
  'dgram',
  'http',
  'https',
  'http2',
  'dns',
  'worker_threads',
  'cluster',
  'tls',
]
export const IO_FILES: Readonly<Record<string, readonly string[]>> = {
  'compiler/main.ts': ['net'],
  /** what the command line names */
  'compiler/commands': ['fs', 'fs/promises'],
  /** the files of a snapshot */
  'compiler/sources.ts': ['fs'],
  /** the same, again and again */
  'compiler/watch': ['fs', 'fs/promises'],
  /** the other command */
  'compiler/watch/runtime-apply.ts': ['child_process'],
  /** isIP, which does no IO */
  'proto/address/parse-ip.ts': ['net'],
  'compiler/resolve.ts': ['net'],
  'compiler/expect/read-parts.ts': ['net'],
  'compiler/emit/clang.ts': ['fs', 'fs/promises', 'child_process'],
  /** its own generated descriptors, once */
  'compiler/fetch/messages.ts': ['fs'],
  /** its own generated table, once */
  'compiler/input/schema.ts': ['fs'],
  /** package.json */
  'proto/command-line.ts': ['fs'],
  'proto/artifact/open.ts': ['fs'],
  /** its own JSON schemas, once */
  'proto/artifact/documents.ts': ['fs'],
}

const FOLDERS = ['compiler', 'runtime', 'proto', 'scripts']

/** TypeScript files below the source folders, sorted, as paths from the root. */
export function sourceFiles(root: string): readonly string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
    .filter((name) => name.endsWith('.ts') && !name.includes('.gen.'))
    .sort()
}

export function importsOf(root: string, file: string): readonly Import[] {
  return importsIn(file, readFileSync(join(root, file), 'utf8'))
}

/** Static and dynamic imports and re-exports of one file's text. */
export function importsIn(file: string, text: string): readonly Import[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, false, ts.ScriptKind.TS)
  const found: Import[] = []
  const add = (specifier: ts.Expression | undefined, kind: Import['kind']): void => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) found.push({ file, kind, ...resolve(file, specifier.text) })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node.importClause) ? 'type' : 'value')
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly ? 'type' : 'value')
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0], 'value')
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal as ts.Expression, 'type')
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false
  if (clause.isTypeOnly) return true
  const { name, namedBindings } = clause
  return (
    name === undefined &&
    namedBindings !== undefined &&
    ts.isNamedImports(namedBindings) &&
    namedBindings.elements.every((element) => element.isTypeOnly)
  )
}

function resolve(file: string, specifier: string): Pick<Import, 'target' | 'origin'> {
  if (specifier.startsWith('.')) return { target: join(dirname(file), specifier), origin: 'own' }
  const node = specifier.replace(/^node:/, '')
  if (specifier.startsWith('node:') || builtinModules.includes(node)) return { target: node, origin: 'node' }
  return { target: specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'), origin: 'package' }
}

/** What an import breaks, in one line; undefined when it may be. */
export function violation({ file, target, kind, origin }: Import): string | undefined {
  const [folder, rule] = ruleFor(file)
  if (origin === 'own') {
    const own = (allowed: string): boolean => target === allowed || target.startsWith(`${allowed}/`)
    if (own(folder) || rule.values.some(own) || (kind === 'type' && rule.types.some(own))) return undefined
    return `${file} imports ${kind === 'type' ? 'types' : 'values'} of ${target}`
  }
  const io = origin === 'node' && kind === 'value' && IO_MODULES.includes(target)
  if (io && (folder.startsWith('compiler') || folder === 'proto') && (IO_FILES[file] ?? IO_FILES[folder])?.includes(target) !== true)
    return `${file} does IO: node:${target}`
  if (
    target === '@grpc/grpc-js' &&
    folder !== 'scripts' &&
    !/^compiler\/fetch\/(?:stream|failure)\.ts$/.test(file) &&
    !file.endsWith('.test.ts')
  )
    return `${file} talks to a network, which only compiler/fetch does`
  if (target === 'koffi' && !file.startsWith('runtime/sys/')) return `${file} calls native code, which only runtime/sys does`
  return undefined
}

function ruleFor(file: string): readonly [string, Rule] {
  const [folder, rule] = Object.entries(RULES)
    .filter(([name]) => file.startsWith(`${name}/`))
    .sort(([a], [b]) => b.length - a.length)[0] ?? ['', { values: [], types: [] }]
  return [folder, rule]
}
