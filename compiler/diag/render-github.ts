/**
 * Diagnostics as workflow commands of GitHub Actions, which show them beside the lines of a pull request. In: diagnostics with their places, in order.
 * Out: one line each. Invariant: the text of a snapshot cannot begin a command of its own.
 * Source: GitHub's documentation of workflow commands: "%", line ends, and in properties ":" and "," too, are escaped.
 */
import type { Diagnostic } from './diagnostic.ts'

export function renderGithub(list: readonly Diagnostic[]): string {
  return list.map((one) => `${command(one)}\n`).join('')
}

function command({ code, severity, message, path, fix, file, line, column }: Diagnostic): string {
  const place = [
    ...(file === undefined ? [] : [`file=${property(file)}`]),
    ...(line === undefined ? [] : [`line=${line}`]),
    ...(column === undefined ? [] : [`col=${column}`]),
    `title=${property(code)}`,
  ]
  const text = [message, ...(path === '' ? [] : [`at ${path}`]), ...(fix === undefined ? [] : [`fix: ${fix}`])].join('\n')
  return `::${severity} ${place.join(',')}::${data(text)}`
}

const data = (text: string): string => text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A')
const property = (text: string): string => data(text).replace(/:/g, '%3A').replace(/,/g, '%2C')
