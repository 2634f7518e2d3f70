/**
 * The two inner tables of an epoch that HTTP is decided with. In: nothing. Out: sizes and layouts of km_http and km_name.
 *
 * km_http is flat: rows of 32 bytes that refer to each other by number, as km_endpoint has them; row 0 is never used. What a row is, its referrer says
 * (matching.ts, acting.ts). A text begins at a row and runs over consecutive rows, zero bytes behind its end.
 * km_name finds a text: a hit is nothing before the whole text was compared, so that no collision decides anything.
 */
import { layout } from '../layout.ts'

/** Bytes of a row of km_http. */
export const HTTP_ROW_SIZE = 32

export const nameKey = layout('km_name_key', 'What km_name is asked.', {
  scope: ['u32', 'within what the text is a name: a service, a virtual host; 0: the clusters'],
  kind: ['u16', 'NAME_*'],
  length: ['u16', 'bytes of the text'],
  hash: ['u64', 'text-hash.ts over the text'],
})

export const nameValue = layout('km_name', 'What a text stands for.', {
  text: ['u32', 'row of km_http where the text begins; 0: no text follows, the key says all'],
  target: ['u32', 'row of km_http, or index of the cluster; 0: nothing of its own (a marker)'],
  best: ['u32', 'of a path prefix: row of the longest prefix that is an entry and begins this text; 0: none'],
  extra: ['u32', 'what `target` needs beside'],
})

export const NAME_LAYOUTS = [nameKey, nameValue] as const
