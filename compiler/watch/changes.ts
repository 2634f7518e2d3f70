/**
 * Waits until files change. In: files and directories by name, which need not exist. Out: a promise for the next change that has come to rest.
 * The file system's word (inotify) only wakes; what counts is how the files look: so files that are replaced, written in pieces, deleted and made again, and links that lead
 * elsewhere (a volume of Kubernetes switches `..data`) are all the same, and where no word comes, looking from time to time is enough.
 */
import { type FSWatcher, statSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { filesOf } from '../sources.ts'
import { identityOf } from './identity.ts'

export interface Changes {
  /** Files are now as they are: changes are counted from here on. */
  seen(): void
  /** 'changed', 'quiet' after `most` milliseconds without a change, or 'stopped' */
  next(stop: AbortSignal, most?: number): Promise<'changed' | 'quiet' | 'stopped'>
  close(): void
}

/** milliseconds between two looks without a word */
const POLL = 500
/** milliseconds without a change after which a file is taken to be whole */
const REST = 20

export function watchChanges(paths: readonly string[]): Changes {
  const ears = createEars()
  let known = lookAt(paths)
  return {
    seen() {
      known = lookAt(paths)
    },
    async next(stop, most = Number.POSITIVE_INFINITY) {
      const begin = performance.now()
      for (;;) {
        ears.open(directoriesOf(paths))
        const look = lookAt(paths)
        if (look !== known) {
          known = await atRest(paths, look, stop)
          return stop.aborted ? 'stopped' : 'changed'
        }
        const left = most - (performance.now() - begin)
        if (left <= 0) return 'quiet'
        if (stop.aborted) return 'stopped'
        await ears.word(Math.min(POLL, left), stop)
      }
    },
    close: () => ears.close(),
  }
}

async function atRest(paths: readonly string[], first: string, stop: AbortSignal): Promise<string> {
  for (let look = first; ; ) {
    await sleep(REST, undefined, { signal: stop }).catch(() => undefined)
    const again = lookAt(paths)
    if (again === look || stop.aborted) return again
    look = again
  }
}

function lookAt(paths: readonly string[]): string {
  return paths
    .flatMap((path) => listed(path) ?? [path])
    .map((file) => {
      const stat = statOf(file)
      return `${file} ${stat === undefined ? 'missing' : identityOf(stat)}`
    })
    .join('\n')
}

/** A directory may go away while it is read. */
function listed(path: string): readonly string[] | undefined {
  try {
    return filesOf(path)
  } catch {
    return undefined
  }
}

function statOf(file: string): ReturnType<typeof statWhole> {
  try {
    return statWhole(file)
  } catch {
    return undefined
  }
}

const statWhole = (file: string) => statSync(file, { bigint: true, throwIfNoEntry: false })

function directoriesOf(paths: readonly string[]): ReadonlySet<string> {
  return new Set(paths.flatMap((path) => (listed(path) === undefined ? [dirname(path)] : [dirname(path), path])))
}

interface Ears {
  open(directories: ReadonlySet<string>): void
  word(most: number, stop: AbortSignal): Promise<void>
  close(): void
}

function createEars(): Ears {
  const open = new Map<string, FSWatcher>()
  let wake: (() => void) | undefined
  let heard = false
  const hear = (): void => {
    heard = true
    wake?.()
  }
  const drop = (directory: string): void => {
    open.get(directory)?.close()
    open.delete(directory)
  }
  return {
    open(directories) {
      for (const directory of directories) {
        if (open.has(directory)) continue
        try {
          const watcher = watch(directory, { persistent: false }, hear)
          // the directory went away; it is looked for again
          watcher.on('error', () => drop(directory))
          open.set(directory, watcher)
        } catch {
          // not there, or no more watches: looking from time to time finds it
        }
      }
      for (const directory of open.keys()) if (!directories.has(directory) || statOf(directory) === undefined) drop(directory)
    },
    async word(most, stop) {
      if (!heard) {
        const rest = new AbortController()
        wake = () => rest.abort()
        await sleep(most, undefined, { signal: AbortSignal.any([stop, rest.signal]) }).catch(() => undefined)
        wake = undefined
      }
      heard = false
    },
    close() {
      for (const directory of [...open.keys()]) drop(directory)
    },
  }
}
