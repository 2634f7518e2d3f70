/**
 * One source to its documents. In: bytes; out: parsed values, each with where it begins, and what is wrong with the text, with offsets.
 * JSON first where the text begins like JSON, YAML else; a text may hold several documents of either. Invariant: never throws.
 */
import type { Code } from '../diag/codes.ts'
import { findJsonMistake } from './json-mistake.ts'
import { countKeys, type JsonScan, type Landmarks, repeatedKeys, scanJson, skipSpace } from './json-text.ts'
import { type Source, toText } from './text.ts'
import { parseYaml, YAML_LIMIT } from './yaml-text.ts'

export interface TextDocument {
  readonly value: unknown
  readonly language: 'json' | 'yaml'
  /** byte offset of the document (JSON), or its number in the text (YAML) */
  readonly start: number
}

export interface TextFinding {
  readonly code: Code
  readonly severity: 'error' | 'warning'
  readonly message: string
  readonly at: { readonly unit: 'byte' | 'character'; readonly offset: number }
}

export interface TextContent {
  readonly documents: readonly TextDocument[]
  readonly findings: readonly TextFinding[]
  /** of a JSON text */
  readonly landmarks?: Landmarks
}

/** Deeper than any message: 100 messages, each in a list in an Any. */
const JSON_DEPTH = 500
/** A text that is no JSON is read as YAML only up to this size, unless its name says YAML: YAML is slow. */
const RETRY_LIMIT = 1_000_000
const REPEATED_KEYS_SHOWN = 1000

export function readText(source: Source): TextContent {
  const text = toText(source.bytes)
  if (typeof text !== 'string') return failed(text.code, text.message, text.offset)
  const { bytes } = source
  const start = skipSpace(bytes, bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0)
  if (start >= bytes.length) return failed('KM1002', bytes.length === 0 ? 'the file is empty' : 'the file has only white space', 0)
  const first = bytes[start]
  if (first !== 0x7b && first !== 0x5b) return readYaml(text)
  const scan = scanJson(bytes, JSON_DEPTH)
  if (scan.tooDeepAt !== undefined) return failed('KM1017', `nested in more than ${JSON_DEPTH} levels`, scan.tooDeepAt)
  const json = readJson(bytes, text, start, scan)
  const isYaml = /\.ya?ml$/i.test(source.name)
  if (json.documents.length > 0 || /\.json$/i.test(source.name) || (!isYaml && bytes.length > RETRY_LIMIT)) return json
  const yaml = readYaml(text)
  return isYaml || !yaml.findings.some((finding) => finding.severity === 'error') ? yaml : json
}

function failed(code: Code, message: string, offset: number): TextContent {
  return { documents: [], findings: [{ code, severity: 'error', message, at: { unit: 'byte', offset } }] }
}

function readJson(bytes: Uint8Array, text: string, start: number, { keys, landmarks }: JsonScan): TextContent {
  const whole = parsed(text)
  if (whole !== undefined)
    return {
      documents: [{ value: whole.value, language: 'json', start }],
      findings: repeated(bytes, keys, countKeys(whole.value)),
      landmarks,
    }
  const documents: TextDocument[] = []
  let at = start
  while (at < bytes.length) {
    const mistake = findJsonMistake(bytes, at)
    if (mistake !== undefined && !mistake.complete) return failed('KM1003', mistake.message, mistake.offset)
    const end = mistake?.offset ?? bytes.length
    const value = parsed(Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('utf8'))
    if (value === undefined) return failed('KM1003', 'the text is no valid JSON', at)
    documents.push({ value: value.value, language: 'json', start: at })
    at = end
  }
  const known = documents.reduce((sum, document) => sum + countKeys(document.value), 0)
  return { documents, findings: repeated(bytes, keys, known), landmarks }
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

function repeated(bytes: Uint8Array, written: number, known: number): readonly TextFinding[] {
  if (written <= known) return []
  return repeatedKeys(bytes, REPEATED_KEYS_SHOWN).map(({ key, offset }) => ({
    code: 'KM1014',
    severity: 'warning',
    message: `the key ${JSON.stringify(key.slice(0, 80))} stands twice in one object; the last one counts`,
    at: { unit: 'byte', offset },
  }))
}

const MISTAKES: Readonly<Record<string, Code>> = { syntax: 'KM1004', aliases: 'KM1018', depth: 'KM1017', 'repeated key': 'KM1014' }

function readYaml(text: string): TextContent {
  if (text.length > YAML_LIMIT) {
    return failed('KM1007', `the YAML text has ${Math.ceil(text.length / 1e6)} MB, more than ${YAML_LIMIT / 1e6}; JSON may have more`, 0)
  }
  const { documents, mistakes } = parseYaml(text)
  const findings = mistakes.map(({ kind, message, offset }): TextFinding => {
    const shown =
      kind === 'repeated key'
        ? 'a key stands twice in one map; the last one counts'
        : kind === 'depth'
          ? 'nested too deeply'
          : kind === 'aliases'
            ? 'the aliases expand to too many nodes'
            : message
    return {
      code: MISTAKES[kind] ?? 'KM1004',
      severity: kind === 'repeated key' ? 'warning' : 'error',
      message: shown,
      at: { unit: 'character', offset },
    }
  })
  const values = documents
    .map(({ value }, start): TextDocument => ({ value, language: 'yaml', start }))
    .filter(({ value }) => value !== null && value !== undefined)
  if (values.length === 0 && !findings.some(({ severity }) => severity === 'error')) return failed('KM1002', 'the file has no content', 0)
  return { documents: values, findings }
}
