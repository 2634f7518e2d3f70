/**
 * Undo functions that run however this process ends short of SIGKILL: normally, by process.exit, on SIGINT, SIGTERM or SIGHUP.
 * In: synchronous functions; out: a function that runs the undo now, once. Invariant: the last one registered runs first.
 * (Helper processes also die with us by PR_SET_PDEATHSIG, see process.ts.)
 */
const pending: (() => void)[] = []
let installed: 'yes' | 'no' = 'no'

export function undoAtExit(undo: () => void): () => void {
  install()
  let done: 'yes' | 'no' = 'no'
  const once = (): void => {
    if (done === 'yes') return
    done = 'yes'
    pending.splice(pending.indexOf(once), 1)
    undo()
  }
  pending.push(once)
  return once
}

function install(): void {
  if (installed === 'yes') return
  installed = 'yes'
  process.on('exit', runAll)
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.once(signal, () => process.exit(128 + number))
  }
}

function runAll(): void {
  while (pending.length > 0) {
    try {
      pending.at(-1)?.()
    } catch (error) {
      console.error(`cleanup: ${(error as Error).message}`)
    }
  }
}
