/**
 * Where formats show what only a running proxy knows. In: a connection manager, a route configuration, a virtual host or a route. Out: in words, each once; such
 * requests are for the waypoint. Fields of what is below are not looked at, but for those of a route's action.
 */
import type { Cursor } from '../input/cursor.ts'
import { type FormatPlace, isLive } from './live-commands.ts'
import { readTemplate, showCommand } from './template.ts'

export function liveFormats(at: Cursor): readonly string[] {
  const found = new Set<string>()
  const look = (text: string | undefined, place: FormatPlace): void => {
    if (text?.includes('%') !== true) return
    for (const part of readTemplate(text)) {
      if (part.kind === 'command' && isLive(part, place)) found.add(`only a running proxy knows ${showCommand(part)}`)
    }
  }
  const header = (option: Cursor | undefined, place: FormatPlace): void => look(option?.message('header')?.string('value'), place)
  const forwards = !at.type.endsWith('.Route') || at.has('route')
  const added = (of: Cursor): void => {
    if (of.has('request_headers_to_add')) for (const option of of.messages('request_headers_to_add')) header(option, 'other')
    if (of.has('response_headers_to_add'))
      for (const option of of.messages('response_headers_to_add')) header(option, forwards ? 'forwarded' : 'other')
  }
  const body = (format: Cursor | undefined): void => {
    look(format?.string('text_format'), 'other')
    look(format?.message('text_format_source')?.string('inline_string'), 'other')
    if (format?.has('json_format') === true) texts(format.raw('json_format'), (text) => look(text, 'other'))
  }
  if (at.type.endsWith('.HttpConnectionManager')) {
    const replies = at.message('local_reply_config')
    body(replies?.message('body_format'))
    for (const mapper of replies?.messages('mappers') ?? []) {
      body(mapper.message('body_format_override'))
      for (const option of mapper.messages('headers_to_add')) header(option, 'other')
    }
    for (const extension of at.messages('early_header_mutation_extensions')) {
      const config = extension.has('typed_config') ? extension.any('typed_config') : undefined
      if (config?.known === true && config.type.endsWith('.HeaderMutation'))
        for (const mutation of config.messages('mutations')) header(mutation.message('append'), 'other')
    }
    return [...found]
  }
  added(at)
  if (!at.type.endsWith('.Route')) return [...found]
  body(at.message('direct_response')?.message('body_format'))
  const action = at.message('route')
  for (const cluster of action?.message('weighted_clusters')?.messages('clusters') ?? []) added(cluster)
  look(action?.string('host_rewrite'), 'other')
  look(action?.string('path_rewrite'), 'other')
  return [...found]
}

function texts(value: unknown, see: (text: string) => void): void {
  if (typeof value === 'string') see(value)
  else if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) texts(one, see)
}
