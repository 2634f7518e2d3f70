/**
 * What a fetch tells the user. In: its result; out: coded diagnostics and the counts of its JSON output. Pure.
 */
import type { Diagnostics } from '../diag/diagnostic.ts'
import type { Missing } from './collection.ts'
import type { Fetched } from './fetch.ts'
import { type FetchKind, KINDS, kindEntry } from './kinds.ts'

const NAMES_SHOWN = 5

export function reportFetch(fetched: Fetched, diag: Diagnostics): void {
  const { failure } = fetched
  if (failure !== undefined) diag.report({ code: failure.code, severity: 'error', message: failure.message, path: '' })
  for (const [kind, refused] of fetched.refused) {
    const version = fetched.versions.get(kind) ?? ''
    diag.report({
      code: 'KM1855',
      severity: 'error',
      message: `${list(refused.map(({ key }) => key))} of the ${kindEntry(kind).title}${version === '' ? '' : ` (version ${version})`} refused, and the server told why`,
      path: '',
    })
    for (const { findings } of refused) for (const finding of findings) diag.report(finding)
  }
  for (const { resource, path, type, number } of fetched.unknown)
    diag.report({
      code: 'KM1856',
      severity: 'warning',
      message: `field number ${number} of ${type} is not known and cannot be written as JSON, so it is not in the snapshot`,
      path: `${resource}${path === '' || path.startsWith('[') ? path : `.${path}`}`,
    })
  // what is missing from a stream that failed is no news
  if (failure === undefined) for (const { kind } of KINDS) reportMissing(kind, fetched, diag)
}

function reportMissing(kind: FetchKind, { missing, collection }: Fetched, diag: Diagnostics): void {
  const { title } = kindEntry(kind)
  const say = (code: 'KM1854' | 'KM1857', message: string): void => diag.report({ code, severity: 'warning', message, path: '' })
  const of = (why: Missing['why']): readonly string[] =>
    missing.filter((one) => one.kind === kind && one.why === why && one.name !== '').map(({ name }) => name)
  if (missing.some((one) => one.kind === kind && one.name === '')) say('KM1854', `the server never answered the request for ${title}`)
  const unanswered = of('unanswered')
  if (unanswered.length > 0) say('KM1854', `${unanswered.length} ${title} never came: ${list(unanswered)}`)
  const removed = of('removed')
  if (removed.length > 0) say('KM1854', `the server says that ${removed.length} ${title} do not exist: ${list(removed)}`)
  const elsewhere = [...new Set(collection.elsewhere().flatMap((one) => (one.kind === kind ? [one.name] : [])))].sort()
  if (elsewhere.length > 0) say('KM1857', `${elsewhere.length} ${title} are read from files of the proxy: ${list(elsewhere)}`)
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).map((name) => JSON.stringify(name))
  return names.length > NAMES_SHOWN ? `${shown.join(', ')} and ${names.length - NAMES_SHOWN} more` : shown.join(', ')
}

/** `resources`, `missing` and `refused` of proto/fetch.schema.json. */
export function fetchCounts(fetched: Fetched): Readonly<Record<string, unknown>> {
  return {
    resources: Object.fromEntries(fetched.collection.counts().map(({ kind, held }) => [kind, held])),
    versions: Object.fromEntries(KINDS.flatMap(({ kind }) => (fetched.versions.has(kind) ? [[kind, fetched.versions.get(kind)]] : []))),
    missing: fetched.missing,
    refused: [...fetched.refused].flatMap(([kind, list]) => list.map(({ key }) => ({ kind, name: key }))),
    responses: fetched.responses,
    streams: fetched.streams,
  }
}
