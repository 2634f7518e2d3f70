/** The blast radius as rows of a name and a text. In: a Blast. Out: what text and Markdown both show. */
import type { Blast } from './blast.ts'
import { bytesText, nameList } from './lines.ts'

const MOST_NAMES = 12

export function blastRows({ services, listeners, virtualHosts, tables, entries, programs }: Blast): readonly (readonly [string, string])[] {
  const touched = tables.filter(({ written, removed }) => written + removed > 0)
  const byTable = touched.map(({ table, written, removed }) => `${table} +${written} -${removed}`).join(', ')
  return [
    ['services', counted(services)],
    ['listeners', counted(listeners)],
    ...(virtualHosts.length === 0 ? [] : [['virtual hosts', counted(virtualHosts)] as const]),
    [
      'map entries',
      touched.length === 0 ? 'unchanged' : `${entries.written} written, ${entries.removed} removed, ${entries.rows} in all (${byTable})`,
    ],
    ['bytes', bytesText(entries.bytes)],
    ['clang', programs.clang ? `runs for ${programs.build.join(', ')}` : 'does not run'],
    ['programs', programs.replaced ? 'replaced by others' : 'the same'],
  ]
}

function counted(names: readonly string[]): string {
  return names.length === 0 ? 'none' : `${names.length}: ${nameList(names, MOST_NAMES)}`
}
