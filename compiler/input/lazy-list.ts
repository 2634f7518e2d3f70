/**
 * A long list of which one item at a time is in memory. In: how many items there are, and how one is made. Out: the items, made anew each time they are asked for.
 * Where parsed JSON is read, it stands for an array. Invariant: making an item never fails: who makes the list has seen every item.
 */
export class LazyList {
  readonly length: number
  private readonly make: (index: number) => unknown

  constructor(length: number, make: (index: number) => unknown) {
    this.length = length
    this.make = make
  }

  at(index: number): unknown {
    return this.make(index)
  }
}
