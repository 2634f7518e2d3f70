/**
 * A regex that is replaced wherever it matches, as RE2's GlobalReplace does it. In: nothing. Out: layouts and constants; compiler/lower/http/replacer.ts writes the rows, bpf/lib/http/replace.h
 * walks along them.
 *
 * An automaton that remembers places: one row for each state and class of bytes says what comes next, which register takes which place, and whether a match ends here. A block is km_replacer,
 * REPLACE_CLASS_ROWS rows with the class of each byte, then REPLACE_CLASSES rows (km_replace_step) a state.
 */
import { layout } from '../layout.ts'

/** Columns of a state. The last one is the end of the text; as a place before the text it is the beginning. */
export const REPLACE_CLASSES = 16
export const REPLACE_EDGE = 15
/** bytes of which the automaton cannot tell: user space does it */
export const REPLACE_UNSURE = 14
export const REPLACE_CLASS_ROWS = 8
export const REPLACE_STATES_MAX = 128
/** Registers hold places in the text; the last two are the present one, and none. */
export const REPLACE_REGISTERS = 16
export const REPLACE_HERE = 14
export const REPLACE_NONE = 15
/** Of what a match has: its end. Place 0 is its beginning, behind that are the ends of groups. */
export const REPLACE_END = 15
/** Rows of a substitution. */
export const REPLACE_PARTS_MAX = 32
export const REPLACE_TEXT_BYTES = 24

/** km_replace_step.next: nothing more can match */
export const REPLACE_DEAD = 0xffffffff

/** km_replacement.needed: more than nothing must be left; something with a slash in front */
export const REPLACE_NEEDS_SOME = 1
export const REPLACE_NEEDS_SLASH = 2

export const replacer = layout('km_replacer', 'Where a search begins.', {
  starts: ['u16[16]', 'state, by the class of the byte before'],
})

export const replaceStep = layout('km_replace_step', 'What a byte does.', {
  next: ['u32', 'state, or REPLACE_DEAD'],
  count: ['u16', 'registers that take over others; 0: all stay as they are'],
  places: ['u16', 'places of the match that ends here; 0: none does'],
  registers: ['u64', 'four bits for each register: which one it takes over'],
  match: ['u64', 'four bits for each place of the match, in the same way'],
  pad: ['u64', '0'],
})

export const replacePart = layout('km_replace_part', 'One part of a substitution.', {
  from: ['u8', 'place of the match where it begins; REPLACE_NONE: it is a text'],
  to: ['u8', 'where it ends'],
  length: ['u16', 'of the text'],
  pad: ['u32', '0'],
  text: ['u8[24]', ''],
})

/** What the text of a km_piece of kind PIECE_REPLACED says. */
export const replacement = layout('km_replacement', 'What is replaced in the path without query, by what.', {
  replacer: ['u32', 'row'],
  part: ['u32', 'first km_replace_part'],
  count: ['u32', 'of them'],
  needed: ['u32', 'REPLACE_NEEDS_*: else the request is for user space'],
  pad: ['u64', '0'],
})

export const REPLACING_LAYOUTS = [replacer, replaceStep, replacePart, replacement] as const
