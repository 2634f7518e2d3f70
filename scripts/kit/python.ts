/** The Python 3 that runs the kit's helper programs: the distribution's own, which starts faster than a version manager's shim. */
import { existsSync } from 'node:fs'

export function python(): string {
  return existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3'
}
