/** `kmesh-runtime exec`: starts a command in the governed cgroup. JSON: proto/exec.schema.json, printed only when the command is not started. */
import { exec, planExec } from '../exec.ts'
import { type Format, finish } from './output.ts'

export function execCommand(args: {
  readonly instance: string
  readonly command: readonly string[]
  readonly format: Format
}): Promise<number> {
  return finish(args.format, () => exec(planExec(args.instance, args.command)))
}
