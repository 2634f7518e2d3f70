/**
 * Which of many numbered things has a content, without a text or an object for each. In: hashes of 32 bits and numbers of things. Out: the number of the thing
 * that is the same. The things themselves stand elsewhere, in a table of rows; who asks says how they are compared. Invariant: a number is found as long as it was added.
 */

export interface HashIndex {
  /** `same` is asked about those that have this hash; undefined: it is none of them */
  find(hash: number, same: (thing: number) => boolean): number | undefined
  /** `thing`: below 2^32 - 1 */
  add(hash: number, thing: number): void
}

export function createHashIndex(): HashIndex {
  let size = 1 << 8
  let used = 0
  /** a thing's number + 1; 0: free */
  let things = new Uint32Array(size)
  let hashes = new Uint32Array(size)

  const put = (hash: number, stored: number): void => {
    let at = spread(hash) & (size - 1)
    while (things[at] !== 0) at = (at + 1) & (size - 1)
    things[at] = stored
    hashes[at] = hash
  }
  const grow = (): void => {
    const [oldThings, oldHashes] = [things, hashes]
    size *= 2
    things = new Uint32Array(size)
    hashes = new Uint32Array(size)
    for (let at = 0; at < oldThings.length; at++) if (oldThings[at] !== 0) put(oldHashes[at] ?? 0, oldThings[at] ?? 0)
  }
  return {
    find(given, same) {
      const hash = given >>> 0
      for (let at = spread(hash) & (size - 1); things[at] !== 0; at = (at + 1) & (size - 1))
        if (hashes[at] === hash && same((things[at] ?? 0) - 1)) return (things[at] ?? 0) - 1
      return undefined
    },
    add(hash, thing) {
      if (++used * 4 > size * 3) grow()
      put(hash >>> 0, thing + 1)
    },
  }
}

/** so that hashes which differ in few bits do not stand side by side */
function spread(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
  return (mixed ^ (mixed >>> 15)) >>> 0
}

/** of a text, or of bytes given as one character each (FNV-1a over UTF-16 units) */
export function hashOfText(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
