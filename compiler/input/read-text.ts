/**
 * One source to its documents. In: bytes; out: parsed values, each with where it begins, and what is wrong with the text, with offsets.
 * A binary response where the bytes are one, then JSON where the text begins like JSON, YAML else; a text may hold several documents. Invariant: never throws.
 */
import type { Code } from '../diag/codes.ts'
import { findJsonMistake } from './json-mistake.ts'
import { countKeys, type JsonScan, type Landmarks, repeatedKeys, scanJson, skipSpace } from './json-text.ts'
import type { Schema } from './schema.ts'
import { type Source, TEXT_LIMIT, toText } from './text.ts'
import { readResponse, recogniseResponse, type ResponseKind } from './wire-response.ts'
import { parseYaml, YAML_LIMIT } from './yaml-text.ts'

export type Language = 'json' | 'yaml' | 'binary'

/** `binary`: bytes of something that has no lines */
export type OffsetUnit = 'byte' | 'character' | 'binary'

export interface TextDocument {
  readonly value: unknown
  readonly language: Language
  /** byte offset of the document (JSON), or of the resource (binary), or its number in the text (YAML) */
  readonly start: number
}

export interface TextFinding {
  readonly code: Code
  readonly severity: 'error' | 'warning'
  readonly message: string
  readonly at: { readonly unit: OffsetUnit; readonly offset: number }
}

export interface TextContent {
  /** once: those of a binary response are made one by one */
  readonly documents: Iterable<TextDocument>
  /** complete when the documents were taken */
  readonly findings: readonly TextFinding[]
  /** of a JSON text */
  readonly landmarks?: Landmarks
}

/** Deeper than any message: 100 messages, each in a list in an Any. */
const JSON_DEPTH = 500
/** A text that is no JSON is read as YAML only up to this size, unless its name says YAML: YAML is slow. */
const RETRY_LIMIT = 1_000_000
const REPEATED_KEYS_SHOWN = 1000

/** What is held in memory: a text, which is not binary. */
interface Texts extends TextContent {
  readonly documents: readonly TextDocument[]
}

export function readText(source: Source, schema: Schema): TextContent {
  const response = source.bytes.length > TEXT_LIMIT ? undefined : recogniseResponse(source.bytes)
  if (response !== undefined) return readBinary(source.bytes, response, schema)
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

function readBinary(bytes: Uint8Array, response: ResponseKind, schema: Schema): TextContent {
  const findings: TextFinding[] = []
  const documents = function* (): Generator<TextDocument> {
    for (const item of readResponse(bytes, response, schema)) {
      if (item.kind === 'resource') yield { value: item.json, language: 'binary', start: item.offset }
      else {
        const { code, severity, message, offset } = item
        findings.push({ code, severity, message, at: { unit: 'binary', offset } })
      }
    }
  }
  return { documents: documents(), findings }
}

function failed(code: Code, message: string, offset: number): Texts {
  return { documents: [], findings: [{ code, severity: 'error', message, at: { unit: 'byte', offset } }] }
}

function readJson(bytes: Uint8Array, text: string, start: number, { keys, landmarks }: JsonScan): Texts {
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

function readYaml(text: string): Texts {
  if (text.length > YAML_LIMIT) {
    return failed('KM1023', `the YAML text has ${(text.length / 1e6).toFixed(1)} MB, more than ${(YAML_LIMIT / 1e6).toFixed(1)}`, 0)
  }
  const { values: parsedValues, mistakes } = parseYaml(text)
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
  const values = parsedValues
    .map((value, start): TextDocument => ({ value, language: 'yaml', start }))
    .filter(({ value }) => value !== null && value !== undefined)
  if (values.length === 0 && !findings.some(({ severity }) => severity === 'error')) return failed('KM1002', 'the file has no content', 0)
  return { documents: values, findings }
}
