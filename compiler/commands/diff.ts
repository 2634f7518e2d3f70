/**
 * `kmeshc diff OLD NEW`: what changed between two snapshots or artifacts, in routing terms, and how far it reaches. JSON: proto/diff.schema.json.
 * Exit 0 the same, 1 different, 2 when a side cannot be read or has errors.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { openArtifact } from '../../proto/artifact/open.ts'
import { analyse } from '../compile.ts'
import type { Diagnostic, Diagnostics } from '../diag/diagnostic.ts'
import { placed } from '../diag/place.ts'
import { renderText } from '../diag/render.ts'
import { createDiagnostics } from '../diag/sink.ts'
import { compiledArtifact, compiledPlan } from '../diff/compiled.ts'
import { diffSides, type Side } from '../diff/diff.ts'
import { diffMarkdown } from '../diff/markdown.ts'
import { diffText } from '../diff/text.ts'
import { openToolchain, type Toolchain } from '../emit/clang.ts'
import { toC } from '../emit/to-c.ts'
import { printJson } from './report.ts'
import { openSnapshot, type SnapshotArguments } from './snapshot.ts'

export interface DiffArguments extends Omit<SnapshotArguments, 'snapshot' | 'strict'> {
  readonly old: string
  readonly new: string
  readonly markdown: boolean
}

const SAME = 0
const DIFFERENT = 1
const FAILED = 2

export async function diffCommand(args: DiffArguments): Promise<number> {
  const toolchain = await openToolchain()
  const sides = [args.old, args.new].map((name) => readSide(name, args, toolchain))
  const diagnostics = sides.flatMap((one) => one.errors)
  const [old, now] = sides.map(({ side }) => side)
  const colour = (stream: NodeJS.WriteStream): boolean => stream.isTTY === true && process.env.NO_COLOR === undefined
  if (old === undefined || now === undefined) {
    if (args.json) printJson({ diagnostics })
    else process.stderr.write(renderText(diagnostics, { colour: colour(process.stderr) }))
    return FAILED
  }
  const notes = old.form === now.form ? [] : [partial(old.form === 'artifact' ? old.name : now.name)]
  const difference = diffSides(old, now)
  if (args.json) printJson({ ...difference, diagnostics: notes })
  else {
    process.stderr.write(renderText(notes, { colour: colour(process.stderr) }))
    process.stdout.write(args.markdown ? diffMarkdown(difference) : diffText(difference, { colour: colour(process.stdout) }))
  }
  return difference.same ? SAME : DIFFERENT
}

interface Read {
  /** undefined when there are errors */
  readonly side: Side | undefined
  readonly errors: readonly Diagnostic[]
}

function readSide(name: string, args: DiffArguments, toolchain: Toolchain): Read {
  const diag = createDiagnostics()
  if (isArchive(name)) return { side: artifactSide(name, diag), errors: placed(diag.list, () => undefined) }
  const { sources, options } = openSnapshot({ ...args, snapshot: [name], strict: false }, diag)
  const { input, plan } = analyse(sources, options, diag, () => undefined)
  const errors = placed(
    diag.list.filter(({ severity }) => severity === 'error'),
    input.locate,
  )
  if (diag.failed) return { side: undefined, errors }
  const units = new Map(toC(plan.units, toolchain.templates, toolchain.base).map((unit) => [unit.name, unit.text]))
  return { side: { form: 'snapshot', name, resources: input.resources, compiled: compiledPlan(plan, units) }, errors }
}

function artifactSide(name: string, diag: Diagnostics): Side | undefined {
  const opened = openArtifact(name)
  if (opened.kind === 'invalid') {
    diag.report({ severity: 'error', path: '', ...opened.error })
    return undefined
  }
  return { form: 'artifact', name, digest: opened.artifact.digest, compiled: compiledArtifact(opened.artifact) }
}

const TAR_MAGIC = { at: 257, text: 'ustar' }

/** By content, else by name, so that a damaged or missing archive is called what it was meant to be. */
function isArchive(name: string): boolean {
  if (name === '-') return false
  try {
    const file = openSync(name, 'r')
    try {
      const bytes = Buffer.alloc(TAR_MAGIC.text.length)
      readSync(file, bytes, 0, bytes.length, TAR_MAGIC.at)
      if (bytes.toString('latin1') === TAR_MAGIC.text) return true
    } finally {
      closeSync(file)
    }
  } catch {
    // what cannot be read is told by whoever reads it
  }
  return name.endsWith('.tar')
}

function partial(artifact: string): Diagnostic {
  return {
    code: 'KM1901',
    severity: 'warning',
    path: '',
    message: `"${artifact}" is an artifact, which holds what the kernel gets; HTTP routes and fields without effect there are not compared`,
    fix: 'compare two snapshots to see all of them',
  }
}
