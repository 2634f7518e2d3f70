/**
 * The snapshot's text. In: resources in order; out: pieces of one JSON list, so that no text has to be as long as the file.
 * Invariant: equal resources give equal bytes.
 */
const PIECE = 1 << 20

export function* snapshotText(resources: Iterable<object>): Generator<string> {
  let piece = '['
  let first: 'yes' | 'no' = 'yes'
  for (const resource of resources) {
    piece += `${first === 'yes' ? '' : ','}\n  ${JSON.stringify(resource, null, 2).replaceAll('\n', '\n  ')}`
    first = 'no'
    if (piece.length < PIECE) continue
    yield piece
    piece = ''
  }
  yield `${piece}${first === 'yes' ? '' : '\n'}]\n`
}
