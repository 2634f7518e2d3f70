/**
 * The size of a program after RE2 has flattened it: every list of instructions that can be reached without reading a byte is written out, with jumps
 * to lists that several share. In: a Program. Out: what RE2::ProgramSize() gives. Source: RE2's Prog::Flatten.
 */
import type { Instruction, Program } from './program.ts'

/** `MOST`: a guard against programs whose lists overlap everywhere */
const MOST = 5_000_000

export function flatSize({ instructions, start, startUnanchored }: Program): number {
  const at = (id: number): Instruction => instructions[id] as Instruction
  /** roots in the order in which they were found */
  const roots = new Set<number>([0, startUnanchored, start])
  const predecessors = new Map<number, number[]>()
  explore(startUnanchored, () => true, 'through')
  const sorted = [...roots].sort((a, b) => a - b)
  for (const id of sorted.slice(1).reverse()) if (id !== start && id !== startUnanchored) markDominator(id)
  let size = 0
  for (const id of roots) size = Math.min(MOST, size + listSize(id))
  return size

  /** Visits what `from` reaches; `through`: also over bytes, which makes roots. Gives the set. */
  function explore(from: number, enter: (id: number) => boolean, mode: 'through' | 'list'): Set<number> {
    const reached = new Set<number>()
    const stack = [from]
    while (stack.length > 0) {
      let id = stack.pop() as number
      while (!reached.has(id)) {
        reached.add(id)
        if (!enter(id)) break
        const { op, out, out1 } = at(id)
        if (op === 'alt' || op === 'alt-match') {
          if (mode === 'through') for (const next of [out, out1]) addPredecessor(next, id)
          stack.push(out1)
        } else if (op === 'match' || op === 'fail') break
        else if (op !== 'nop') {
          if (mode === 'list') break
          roots.add(out)
        }
        id = out
      }
    }
    return reached
  }

  function addPredecessor(id: number, before: number): void {
    const list = predecessors.get(id)
    if (list === undefined) predecessors.set(id, [before])
    else list.push(before)
  }

  function markDominator(root: number): void {
    const reached = explore(root, (id) => id === root || !roots.has(id), 'list')
    for (const id of reached) if (predecessors.get(id)?.some((before) => !reached.has(before)) === true) roots.add(id)
  }

  function listSize(root: number): number {
    let count = 0
    explore(
      root,
      (id) => {
        const inside = id === root || !roots.has(id)
        const { op } = at(id)
        if (!inside || (op !== 'alt' && op !== 'nop')) count++
        return inside
      },
      'list',
    )
    return count
  }
}
