/**
 * Diagnostics as a SARIF 2.1.0 log, which code hosts and editors read. In: diagnostics with their places, in order, and the tool's version. Out: the log.
 * Invariant: every result names a rule of the log, and rules are those codes that occur, in order of the code.
 */
import { type Code, codes } from './codes.ts'
import type { Diagnostic } from './diagnostic.ts'

const SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json'

export function toSarif(list: readonly Diagnostic[], version: string): object {
  const used = [...new Set(list.map(({ code }) => code))].sort()
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'kmeshc', version, rules: used.map(rule) } },
        columnKind: 'utf16CodeUnits',
        results: list.map((one) => result(one, used.indexOf(one.code))),
      },
    ],
  }
}

function rule(code: Code): object {
  const { title, explanation, fix, severity } = codes[code]
  return {
    id: code,
    shortDescription: { text: title },
    fullDescription: { text: explanation },
    help: { text: fix },
    defaultConfiguration: { level: severity },
  }
}

function result(one: Diagnostic, ruleIndex: number): object {
  const { code, severity, message, path, fix, file, line, column } = one
  const region = line === undefined ? undefined : { startLine: line, ...(column !== undefined && { startColumn: column }) }
  const physical = file === undefined ? undefined : { artifactLocation: { uri: uriOf(file) }, ...(region && { region }) }
  const location = {
    ...(physical && { physicalLocation: physical }),
    ...(path !== '' && { logicalLocations: [{ fullyQualifiedName: path }] }),
  }
  return {
    ruleId: code,
    ruleIndex,
    level: severity,
    message: { text: fix === undefined ? message : `${message} (${fix})` },
    ...(Object.keys(location).length > 0 && { locations: [location] }),
  }
}

/** A path as a URI: relative ones are relative to where the viewer stands, absolute ones name their scheme. */
function uriOf(file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/')
  return file.startsWith('/') ? `file://${path}` : path
}
