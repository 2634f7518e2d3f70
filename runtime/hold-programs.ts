/**
 * The programs of an artifact in the kernel. In: its objects and the instance's tables; out: the base object by hook, and the generated ones.
 * Failures come out as coded errors (rejection.ts).
 */
import type { Artifact } from '../proto/artifact/format.ts'
import { coded } from './coded-error.ts'
import { hookOf } from './hooks.ts'
import { type HeldObject, holdObject, type ObjectSource } from './load-object.ts'
import type { Pins } from './pins.ts'
import { loadFailure } from './rejection.ts'
import type { Tables } from './tables.ts'
import type { Undo } from './undo.ts'

/** The unit with the attached programs, the same in every artifact of one compiler. */
export const BASE_UNIT = 'base'

/** The base object, its programs named by hook. */
export function holdBase(pins: Pins, artifact: Artifact, tables: Tables, undo: Undo): HeldObject {
  const bytes = artifact.programs.get(BASE_UNIT)
  if (bytes === undefined) throw coded('KM9110', `the artifact has no programs/${BASE_UNIT}.o`)
  const source: ObjectSource = { unit: BASE_UNIT, bytes, pinName: (program) => hookOf(program.section) ?? program.name }
  return hold(source, pins.base, artifact, tables, undo)
}

/** A constant object, its programs by their names. */
export function holdConstant(
  { unit, directory }: { readonly unit: string; readonly directory: string },
  artifact: Artifact,
  tables: Tables,
  undo: Undo,
): HeldObject {
  const bytes = artifact.programs.get(unit)
  if (bytes === undefined) throw coded('KM9110', `the artifact has no programs/${unit}.o`)
  return hold({ unit, bytes }, directory, artifact, tables, undo)
}

/** The objects of the generation: those with programs that go into slots. Those opened before a failure are closed again. */
export function holdUnits(pins: Pins, artifact: Artifact, tables: Tables, undo: Undo): readonly HeldObject[] {
  const objects: HeldObject[] = []
  const generated = new Set(artifact.config.programs.filter(({ slots }) => slots.length > 0).map(({ unit }) => unit))
  try {
    for (const [unit, bytes] of artifact.programs) {
      if (generated.has(unit)) objects.push(hold({ unit, bytes }, pins.programs, artifact, tables, undo))
    }
    return objects
  } catch (error) {
    for (const object of objects) object.close()
    throw error
  }
}

function hold(source: ObjectSource, directory: string, artifact: Artifact, tables: Tables, undo: Undo): HeldObject {
  try {
    return holdObject(source, directory, tables.descriptors, undo)
  } catch (error) {
    throw loadFailure(error, source.unit, artifact)
  }
}
