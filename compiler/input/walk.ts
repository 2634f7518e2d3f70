/**
 * All messages of a resource, by type. In: a decoded resource and the types that somebody asks for. Out: a cursor for each message of these types,
 * parents first, also inside of Any payloads. Messages that nobody asks for get no cursor and no path, so that a walk over a large snapshot is cheap.
 */
import type { Cursor } from './cursor.ts'
import { showStep } from './decode.ts'
import { Message } from './message.ts'
import { createCursor } from './message-cursor.ts'
import type { Resource } from './resource.ts'

export function walkMessages(resource: Resource, types: ReadonlySet<string>, visit: (at: Cursor) => void): void {
  if (resource.content instanceof Message) descend(resource.content, () => resource.path, types, visit)
}

function descend(message: Message, path: () => string, types: ReadonlySet<string>, visit: (at: Cursor) => void): void {
  const { type, fields } = message.shape
  if (types.has(type.name)) visit(createCursor(message, path()))
  for (const [slot, field] of fields.entries()) {
    const value = message.values[slot]
    const below = (step: number | string | undefined) => () => `${path()}.${field.name}${step === undefined ? '' : showStep(step)}`
    if (value instanceof Message) descend(value, below(undefined), types, visit)
    else if (Array.isArray(value)) {
      for (const [index, item] of (value as readonly unknown[]).entries()) {
        if (item instanceof Message) descend(item, below(index), types, visit)
        else if (field.map === undefined) {
          // a list holds messages only, or none
          if (typeof item !== 'object') break
        } else if (Array.isArray(item) && item[1] instanceof Message) descend(item[1], below(String(item[0])), types, visit)
      }
    }
  }
}
