/** What the demo promises. In: promises with whether they hold; out: a line for each, and those that were broken. */
import { green, red, say } from './screen.ts'

export const broken: string[] = []

/** One promise of the demo: said with a mark, and remembered when it does not hold. */
export function promise(text: string, kept: 'yes' | 'no'): void {
  if (kept === 'no') broken.push(text)
  say(`${kept === 'yes' ? green('ok') : red('BROKEN')}  ${text}`)
}
