/**
 * What a substitution format gives. In: a template, and what is known when Envoy evaluates it. Out: the text. Commands whose value only a running proxy knows
 * (live-commands.ts) stay as they are written. Invariant: never throws.
 * Source: Envoy's source/common/formatter/{http_specific_formatter,stream_info_formatter,coalesce_formatter}.cc; each command was tried on Envoy 1.40.
 */
import { bytesOf, textOf } from '../match/byte-text.ts'
import type { Route, Template, TemplatePart, VirtualHost } from '../http/model.ts'
import type { Headers, HttpRequest } from '../http/request.ts'
import { COMMANDS, isNumber, UNKNOWN } from './format-commands.ts'
import { readCoalesce } from './coalesce.ts'
import { kindAndSteps, type MetadataKind, metadataText, metadataValue } from './format-metadata.ts'
import { showCommand } from './template.ts'

/** The world of one evaluation. `request` is as received, path and headers are as they stand at this moment. */
export interface FormatContext {
  readonly request: HttpRequest
  readonly path: string
  readonly authority: string
  readonly requestHeaders: Headers
  /** undefined while there is no response */
  readonly responseHeaders: Headers | undefined
  /** what %RESPONSE_CODE% gives: 0, or 100, until an upstream has answered; undefined when that answer is not known */
  readonly responseCode: number | undefined
  /** Envoy's response code detail, once there is a response */
  readonly details: string | undefined
  readonly routeName: string
  /** whose metadata %METADATA(ROUTE:...)% and %METADATA(VIRTUAL_HOST:...)% show */
  readonly owners?: { readonly route?: Route; readonly virtualHost: VirtualHost }
  readonly cluster: string | undefined
  /** of the virtual clusters, once there is a cluster */
  readonly virtualCluster?: string | undefined
  /** %LOCAL_REPLY_BODY% */
  readonly body?: string
}

/** `empty` stands for commands without a value: '' in headers, "-" in bodies */
export function formatTemplate(template: Template, context: FormatContext, empty: '' | '-'): string {
  let text = ''
  for (const part of template) text += part.kind === 'text' ? part.text : (evaluateCommand(part, context) ?? empty)
  return text
}

/** undefined: the command has no value */
export function evaluateCommand(command: Command, context: FormatContext): string | undefined {
  const { name, argument = '', maxLength } = command
  const kind = METADATA[name]
  if (kind !== undefined) return cut(metadataText(metadataOf(kind, argument, context)), maxLength)
  if (name === 'COALESCE')
    return cut(
      firstOf(argument, (one) => evaluateCommand(one, context)),
      maxLength,
    )
  const evaluate = COMMANDS.get(name)
  if (evaluate === undefined) return showCommand(command)
  const value = evaluate(argument, context)
  return value === UNKNOWN ? showCommand(command) : cut(value, maxLength)
}

/** The value as JSON: numbers, objects and the like keep their type, which a length does not cut. */
export function evaluateTyped(command: Command, context: FormatContext): unknown {
  const { name, argument = '' } = command
  const kind = METADATA[name]
  if (kind !== undefined) {
    const value = metadataOf(kind, argument, context)
    return typeof value === 'string' ? evaluateCommand(command, context) : value
  }
  if (name === 'COALESCE' && command.maxLength === undefined) return firstOf(argument, (one) => evaluateTyped(one, context))
  const text = evaluateCommand(command, context)
  return text !== undefined && isNumber(name) && /^\d+$/.test(text) ? Number(text) : text
}

type Command = Extract<TemplatePart, { readonly kind: 'command' }>

function firstOf<T>(argument: string, evaluate: (command: Command) => T | undefined): T | undefined {
  for (const command of readCoalesce(argument)) {
    const value = evaluate(command)
    if (value !== undefined) return value
  }
  return undefined
}

/** commands that show metadata; '': which is said in the argument */
const METADATA: Readonly<Record<string, MetadataKind | ''>> = {
  METADATA: '',
  DYNAMIC_METADATA: 'DYNAMIC',
  CLUSTER_METADATA: 'CLUSTER',
}

function metadataOf(kind: MetadataKind | '', argument: string, context: FormatContext): unknown {
  return kind === '' ? metadataValue(...kindAndSteps(argument), context) : metadataValue(kind, argument, context)
}

function cut(value: string | undefined, length: number | undefined): string | undefined {
  return value === undefined || length === undefined ? value : value.length * 3 <= length ? value : textOf(bytesOf(value).slice(0, length))
}
