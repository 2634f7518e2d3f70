/** What the parts of the parser share: the pattern as Latin-1 text with a position, and the one way to fail. */
export interface Text {
  readonly whole: string
  at: number
}

/** The message is RE2's. */
export class SyntaxProblem extends Error {
  constructor(what: string, where: string) {
    super(where === '' ? what : `${what}: ${Buffer.from(where, 'latin1').toString('utf8')}`)
  }
}
