/**
 * The whole input. In: sources (files, standard input) as bytes; out: decoded resources ordered by kind and name, and where every path stands in the text.
 * Invariant: the same resources in any order of files, documents, lists and keys give the same list; never throws on what a source holds.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Locate } from '../diag/place.ts'
import { createDecoder, type Decoder } from './decode.ts'
import { equal } from './equal.ts'
import { findResources } from './forms.ts'
import type { Found, Pointer } from './found.ts'
import { isObject } from './json-object.ts'
import { Message, RawAny } from './message.ts'
import { createCursor } from './message-cursor.ts'
import { get } from './json-object.ts'
import { createLocator, type Locator, type Span } from './position.ts'
import { readText, type TextDocument } from './read-text.ts'
import { kindOf, nameOf, pathOf, type Resource } from './resource.ts'
import { envoySchema, type Schema } from './schema.ts'
import type { Source } from './text.ts'

export interface Input {
  readonly resources: readonly Resource[]
  /** file, line and column (from 1) of an xDS path: of the deepest part of it that is in the text */
  readonly locate: Locate
  /** the bytes of a resource, by its path; undefined where the text is not JSON */
  readonly span: (path: string) => Span | undefined
}

export function readInput(sources: readonly Source[], diag: Diagnostics, schema: Schema = envoySchema()): Input {
  const locator = createLocator(sources, schema)
  const reader = new Reader(diag, schema, locator)
  for (const [index, source] of sources.entries()) reader.source(index, source)
  return reader.finish()
}

/** A bootstrap is checked like what is compiled: Envoy does not start with a wrong one. */
const COMPILED: ReadonlySet<string> = new Set(['lds', 'cds', 'eds', 'rds', 'bootstrap'])

interface Candidate {
  readonly found: Found
  readonly source: number
  readonly document: TextDocument
}

class Reader {
  private readonly diag: Diagnostics
  private readonly schema: Schema
  private readonly locator: Locator
  private readonly decoder: Decoder
  private readonly resources = new Map<string, Resource>()
  private readonly copies: Candidate[] = []

  constructor(diag: Diagnostics, schema: Schema, locator: Locator) {
    this.diag = diag
    this.schema = schema
    this.locator = locator
    this.decoder = createDecoder(schema, diag)
  }

  source(index: number, source: Source): void {
    const { documents, findings, landmarks } = readText(source, this.schema)
    if (landmarks !== undefined) this.locator.mark(index, landmarks)
    for (const document of documents) {
      const forms = findResources(document.value, this.schema)
      for (const { code, severity, message, pointer } of forms.findings) {
        this.diag.report({ code, severity, message, path: '', ...this.locator.pointer(index, document, pointer) })
      }
      for (const found of forms.found) {
        const candidate = { found, source: index, document }
        if (found.copy) this.copies.push(candidate)
        else {
          this.take(candidate)
          if (document.language === 'json') release(document.value, found.pointer)
        }
      }
    }
    for (const { code, severity, message, at } of findings)
      this.diag.report({ code, severity, message, path: '', ...this.locator.offset(index, at.unit, at.offset) })
  }

  finish(): Input {
    for (const candidate of this.copies) this.take(candidate)
    this.decoder.finish()
    const resources = [...this.resources.values()].sort((a, b) => compare(a.kind, b.kind) || compare(a.path, b.path))
    if (resources.every(({ kind }) => kind === 'bootstrap') && !this.diag.failed) {
      this.diag.report({
        code: 'KM1011',
        severity: 'warning',
        message: 'the input has no listener, cluster, endpoint assignment or route configuration',
        path: '',
      })
    }
    return { resources, locate: this.locator.locate, span: this.locator.span }
  }

  private take(candidate: Candidate): void {
    const { found } = candidate
    if (found.type === '') return this.reject(candidate, 'KM1010', 'the resource has no "@type", and its fields do not tell what it is')
    if (found.type.startsWith('envoy.api.v2.'))
      return this.reject(candidate, 'KM1021', `${found.type} is of the API v2, which Envoy no longer reads`)
    const kind = kindOf(found.type)
    const name = nameOf(kind, found.value, found.name)
    const path = pathOf(kind, found.type, name)
    const known = this.resources.get(path)
    if (found.copy && (known !== undefined || name === '')) return
    if (name === '' && isObject(found.value) && kind !== 'lds' && kind !== 'bootstrap' && kind !== 'other')
      return this.reject(candidate, 'KM1019', `a resource of type ${found.type} has no name`)
    if (known === undefined) this.locator.add(path, candidate.source, candidate.document, found.pointer)
    const type = this.schema.message(found.type)
    const isHidden = known !== undefined && kind === 'lds' && found.origin === 'static'
    const use = !COMPILED.has(kind) ? 'listed' : found.loaded === true ? 'loaded' : isHidden ? 'hidden' : 'compiled'
    const content =
      type === undefined ? new RawAny(found.type, found.value) : this.decoder.resource(type, found.value, path, found.origin, use)
    if (content === undefined) return
    if (known !== undefined) return this.repeat(candidate, known, content)
    if (kind === 'other') {
      this.diag.report({ code: 'KM1020', severity: 'warning', message: `a resource of type ${found.type} is not compiled`, path })
    }
    const cursor = content instanceof Message ? createCursor(content, path) : undefined
    // the schema's own text: a part of a URL keeps the URL
    this.resources.set(path, {
      kind,
      type: type?.name ?? found.type,
      name,
      path,
      origin: found.origin,
      loaded: found.loaded === true,
      cursor,
      content,
    })
  }

  private repeat(candidate: Candidate, known: Resource, content: Message | RawAny): void {
    const same = equal(known.content, content)
    const first = this.locator.locate(known.path)
    const where = first === undefined ? '' : ` (first at ${first.file}:${first.line})`
    const what = `${known.path} is defined twice${where}`
    // of static resources Envoy keeps the first listener of a name, and refuses a second cluster even where it is equal (tried)
    const of = candidate.found.origin === 'static' && candidate.found.loaded !== true ? known.kind : undefined
    if (known.kind === 'lds' && candidate.found.loaded !== true && get(candidate.found.value, 'name') === undefined)
      this.reject(candidate, 'KM1012', `two listeners without names have the address ${known.name}`)
    else if (of === 'lds' && !same)
      this.reject(candidate, 'KM1012', `${what}, and the two differ; as in Envoy, the first one counts`, 'warning')
    else if ((of === 'cds' || of === 'sds') && same) this.reject(candidate, 'KM1013', `${what}; Envoy does not start with that`)
    else if (of === 'sds' && secretKind(known.content) !== secretKind(content))
      this.reject(candidate, 'KM1012', `${what}, with two kinds of secrets; Envoy keeps both, here the first one counts`, 'warning')
    else if (same) this.reject(candidate, 'KM1013', `${what}, both times the same; one is used`, 'warning')
    else this.reject(candidate, 'KM1012', `${what}, and the two differ`)
  }

  private reject(
    { source, document, found }: Candidate,
    code: 'KM1010' | 'KM1012' | 'KM1013' | 'KM1019' | 'KM1021',
    message: string,
    severity: 'error' | 'warning' = 'error',
  ): void {
    this.diag.report({ code, severity, message, path: '', ...this.locator.pointer(source, document, found.pointer) })
  }
}

function secretKind(content: Message | RawAny): string | undefined {
  return content instanceof Message ? createCursor(content, '').oneof('type') : undefined
}

/** What was decoded is not held twice: of a large dump that is much. In YAML an alias may still need it. */
function release(root: unknown, pointer: Pointer): void {
  let holder = root
  for (const step of pointer.slice(0, -1))
    holder = isObject(holder) || Array.isArray(holder) ? (holder as Readonly<Record<string, unknown>>)[step] : undefined
  const last = pointer.at(-1)
  if (last !== undefined && (isObject(holder) || Array.isArray(holder))) (holder as Record<string, unknown>)[last] = null
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
