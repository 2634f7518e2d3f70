/**
 * A picture of a report for a README. In: a report; out: SVG, bars of requests a second and of CPU time a request with 16 connections, for each place of the
 * servers. Pure: the same report makes the same bytes. Colours are readable on white and on black.
 */
import type { ContestantName, HttpReport, HttpResult, WorldName } from './report.ts'

const MEASURE = 'keepalive-16'
const WIDTH = 800
const BAR = 16
const GAP = 6
const LABEL = 120
const PANEL = WIDTH / 2
const COLOUR: Readonly<Partial<Record<ContestantName, string>>> = { kmesh: '#2f81f7', 'kmesh-single': '#58a6ff' }
const OTHERS = '#8b949e'
const TITLE: Readonly<Record<WorldName, string>> = { node: 'servers on the same node', other: 'servers on another node (veth)' }

interface Panel {
  readonly title: string
  readonly unit: string
  readonly of: (result: HttpResult) => number
  readonly digits: number
}

const PANELS: readonly Panel[] = [
  { title: 'requests/s', unit: '', of: ({ rate }) => rate.median, digits: 0 },
  { title: 'CPU of the whole machine for a request', unit: ' us', of: ({ cpu }) => cpu.median, digits: 1 },
]

export function chart(report: HttpReport): string {
  let top = 24
  const parts: string[] = []
  for (const world of ['node', 'other'] as const) {
    const results = report.traffic.filter((one) => one.world === world && one.measure === MEASURE && one.contestant !== 'control')
    if (results.length === 0) continue
    parts.push(text(0, top, `HTTP/1.1 keep-alive, 16 connections, ${TITLE[world]}`, 'font-weight="bold"'))
    for (const [index, panel] of PANELS.entries()) parts.push(...bars(panel, results, index * PANEL, top + 20))
    top += 20 + 20 + results.length * (BAR + GAP) + 24
  }
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" font-family="sans-serif" font-size="12" fill="#6e7781">`
  return `${head}\n${parts.join('\n')}\n</svg>\n`
}

function bars({ title, unit, of, digits }: Panel, results: readonly HttpResult[], left: number, top: number): readonly string[] {
  const most = Math.max(...results.map(of))
  const room = PANEL - LABEL - 80
  return [
    text(left + LABEL, top, title, ''),
    ...results.flatMap((result, index) => {
      const y = top + 8 + index * (BAR + GAP)
      const width = Math.max(1, (of(result) / most) * room)
      const value = of(result).toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
      return [
        text(left + LABEL - 8, y + BAR - 4, result.contestant, 'text-anchor="end"'),
        `<rect x="${left + LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${COLOUR[result.contestant] ?? OTHERS}"/>`,
        text(left + LABEL + width + 6, y + BAR - 4, `${value}${unit}`, ''),
      ]
    }),
  ]
}

function text(x: number, y: number, what: string, more: string): string {
  return `<text x="${x.toFixed(1)}" y="${y}"${more === '' ? '' : ` ${more}`}>${what}</text>`
}
