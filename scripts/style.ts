/**
 * The habits of this code base that a linter does not know. In: a TypeScript file's path and text, or any file's text. Out: problems, one line each.
 */
import { basename } from 'node:path'
import ts from 'typescript'

const MOST_LINES = 400
/** one subject each, but a long list */
const LONG: Readonly<Record<string, number>> = { 'proto/abi.ts': 450, 'proto/codes.ts': 600 }
/** drawers: what is put into them has no subject */
const DRAWERS = /^(?:utils?|helpers?|common|misc|shared|lib|index)$/

export function sourceProblems(file: string, text: string): readonly string[] {
  const problems: string[] = []
  const isTest = file.endsWith('.test.ts')
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true, ts.ScriptKind.TS)
  const say = (node: ts.Node, what: string): void => {
    problems.push(`${file}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1} ${what}`)
  }
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) say(node, 'any')
    if (ts.isEnumDeclaration(node)) say(node, 'an enum')
    if (ts.isExportAssignment(node) || isDefault(node)) say(node, 'a default export')
    if (ts.isExportDeclaration(node) && node.exportClause === undefined) say(node, 'a re-export of everything')
    if (!isTest && ts.isFunctionLike(node))
      for (const parameter of node.parameters)
        if (parameter.type?.kind === ts.SyntaxKind.BooleanKeyword && isOffered(node)) say(parameter, 'a boolean parameter')
    if (isTest && ts.isPropertyAccessExpression(node) && /^(?:test|suite|it)\.(?:skip|only)$/.test(node.getText(source)))
      say(node, 'a skipped or singled-out test')
    ts.forEachChild(node, visit)
  }
  visit(source)
  const lines = text.split('\n').length - 1
  const most = LONG[file] ?? MOST_LINES
  if (lines > most) problems.push(`${file} has ${lines} lines, more than ${most}`)
  if (!isTest && !/^(?:#!.*\n)?\/\*\*/.test(text)) problems.push(`${file} does not begin with what goes in and comes out`)
  for (const part of file.replace(/\.ts$/, '').split('/')) if (DRAWERS.test(part)) problems.push(`${file} is a drawer`)
  if (!/^[a-z0-9.-]+$/.test(basename(file))) problems.push(`${file} is not named in lower case with dashes`)
  return problems
}

function isDefault(node: ts.Node): boolean {
  return ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) === true
}

/** What a module offers: at its callers a bare `true` says nothing. Inside a module a flag may be passed on. */
function isOffered(node: ts.SignatureDeclaration): boolean {
  const declaration = ts.isArrowFunction(node) && ts.isVariableDeclaration(node.parent) ? node.parent.parent.parent : node
  return ts.canHaveModifiers(declaration) && ts.getModifiers(declaration)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true
}

/** Directories and hosts of the machines this is made on, in pieces, so that this file does not hold them. */
const DIRECTORIES = ['work', 'root', 'home/[a-z]\\w*', 'Users', 't' + 'mp/[a-z]\\w*'].join('|')
const HOSTS = ['registry.npmjs', 'pypi', 'pythonhosted', 'proxy.golang', 'deb.debian']
  .map((name) => name.replaceAll('.', '[.]') + '[.]org')
  .join('|')
const FOREIGN: readonly (readonly [string, RegExp])[] = [
  ['a path of one machine', new RegExp(`(?:^|[^\\w.@~}/-])/(?:${DIRECTORIES})(?:/|$|[^\\w.-])`)],
  ['the host of a package registry', new RegExp(HOSTS)],
]

/** Any text file: nothing in it may be true of one machine only. */
export function textProblems(file: string, text: string): readonly string[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      FOREIGN.flatMap(([what, pattern]) => (pattern.test(line) ? [`${file}:${index + 1} ${what}: ${line.trim().slice(0, 80)}`] : [])),
    )
}
