/**
 * What has been made and how to unmake it. In: one action per thing made, in order; out: on failure everything unmade, last first.
 * Invariant: an undo that fails does not keep the others from running; its words are returned.
 */
export interface Undo {
  /** `what` names the thing for the message when it cannot be unmade. */
  add(what: string, action: () => void): void
  /** Runs everything, last first; gives what could not be unmade. */
  run(): readonly string[]
  /** From here on nothing is unmade. */
  forget(): void
}

/** `made` is told of each thing after it was made; an exception of it is a failure at that place. */
export function createUndo(made?: (what: string) => void): Undo {
  let actions: { readonly what: string; readonly action: () => void }[] = []
  return {
    add: (what, action) => {
      actions.push({ what, action })
      made?.(what)
    },
    run: () => {
      const failed: string[] = []
      for (const { what, action } of actions.reverse()) {
        try {
          action()
        } catch (error) {
          failed.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
      actions = []
      return failed
    },
    forget: () => {
      actions = []
    },
  }
}
