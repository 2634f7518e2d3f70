/**
 * Samples as text. In: samples; out: OpenMetrics 1.0, or the text format 0.0.4 that came before it. Sources: the OpenMetrics specification (ABNF, escaping, order of lines, the end mark) and Prometheus' description
 * of its exposition formats. Invariants: a family is in one piece, no series is there twice, lines end with a line feed.
 */
import { FAMILIES, type Family, type FamilyName } from './families.ts'
import type { Sample, Samples } from './samples.ts'

export type Exposition = 'openmetrics' | 'classic'

export const CONTENT_TYPES: Readonly<Record<Exposition, string>> = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  classic: 'text/plain; version=0.0.4; charset=utf-8',
}

export function expositionText(samples: Samples, exposition: Exposition): string {
  const lines: string[] = []
  for (const name of Object.keys(FAMILIES) as FamilyName[]) {
    const found = samples.of(name)
    if (found.length > 0) lines.push(...familyLines(FAMILIES[name], found, exposition))
  }
  if (exposition === 'openmetrics') lines.push('# EOF')
  return `${lines.join('\n')}\n`
}

const SUFFIXES: Readonly<Record<Family['type'], string>> = { counter: '_total', gauge: '', info: '_info' }

function familyLines(family: Family, samples: readonly Sample[], exposition: Exposition): readonly string[] {
  const sampled = `${family.name}${SUFFIXES[family.type]}`
  const series = samples.map(({ labels, value }) => `${sampled}${labelsText(labels)} ${numberText(value)}`)
  if (exposition === 'classic')
    // a family is named as its samples are, and there is no info
    return [
      `# HELP ${sampled} ${classicHelp(family.help)}`,
      `# TYPE ${sampled} ${family.type === 'info' ? 'gauge' : family.type}`,
      ...series,
    ]
  const unit = family.unit === undefined ? [] : [`# UNIT ${family.name} ${family.unit}`]
  return [`# TYPE ${family.name} ${family.type}`, ...unit, `# HELP ${family.name} ${escaped(family.help)}`, ...series]
}

function labelsText(labels: Sample['labels']): string {
  return labels.length === 0 ? '' : `{${labels.map(([name, value]) => `${name}="${escaped(value)}"`).join(',')}}`
}

/** Of label values in both formats, and of help in OpenMetrics. */
function escaped(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
}

function classicHelp(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')
}

/** Numbers of JavaScript are numbers of both formats, but for those that are none. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  return String(value)
}

/** What an Accept header asks for: OpenMetrics where it is named and not behind plain text. */
export function negotiated(accept: string | undefined): Exposition {
  let openmetrics = 0
  let classic = 0
  for (const part of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = part.split(';').map((word) => word.trim().toLowerCase())
    const weight = qualityOf(parameters)
    const version = parameters
      .find((word) => word.startsWith('version='))
      ?.slice('version='.length)
      .replace(/"/g, '')
    if (type === 'application/openmetrics-text' && (version === undefined || version === '1.0.0'))
      openmetrics = Math.max(openmetrics, weight)
    if (type === 'text/plain') classic = Math.max(classic, weight)
  }
  return openmetrics > 0 && openmetrics >= classic ? 'openmetrics' : 'classic'
}

function qualityOf(parameters: readonly string[]): number {
  const text = parameters.find((word) => word.startsWith('q='))?.slice(2)
  if (text === undefined) return 1
  const weight = Number(text)
  return weight >= 0 && weight <= 1 ? weight : 0
}
