/**
 * The rows of km_http that find the route of a request. In: nothing. Out: layouts of HTTP_ROW_SIZE bytes and their constants.
 *
 *   km_service ─ km_wildcards          host: km_name exact, then suffixes by length, then prefixes by length, then `any`
 *       └─> km_virtual_host            path: km_name exact, then the longest prefix by binary search over km_lengths, then `root`
 *               └─> km_candidates      in first-match order, each with a condition; ends behind the first without one
 *                       └─> km_route ─> action (acting.ts)
 *
 * A successor of a condition is another condition, or one of CONDITION_NO, CONDITION_YES, CONDITION_SLOW. References are rows of km_http; 0 is none.
 */
import { layout } from '../layout.ts'

// ---------------------------------------------------------------- limits

/** Header names that one service may ask for: slots of km_request.found. */
export const INTEREST_MAX = 32
/** Words of a text that are hashed: longer texts (256 bytes) have no name. A power of two. */
export const HASH_WORDS = 32
/** Candidate lists and conditions that one request may go through. */
export const ROUTE_STEPS = 512
/** Distinct lengths of the path prefixes of a virtual host, and the halvings that find one of them. */
export const PREFIX_LENGTHS = 128
export const LENGTHS_IN_ROW = 16
export const LENGTHS_SHIFT = 4
export const PREFIX_STEPS = 8
/** Wildcard lengths of a service, each of suffixes and of prefixes. */
export const WILDCARD_LENGTHS = 8
/** States of a regex. */
export const DFA_STATES = 512

// ---------------------------------------------------------------- km_name

/** km_name_key.kind */
/** exact domain, lower-case, in a service -> row of the virtual host */
export const NAME_DOMAIN = 1
/** "*text" and "text*" */
export const NAME_DOMAIN_SUFFIX = 2
export const NAME_DOMAIN_PREFIX = 3
/** path in a virtual host -> row of its candidates, or LIST_ROUTE */
export const NAME_PATH = 4
/** prefix of paths in a virtual host, or a marker -> row of the candidates of the longest prefix that begins it */
export const NAME_PATH_PREFIX = 5
/** header name, lower-case, in a service -> slot in km_request.found */
export const NAME_HEADER = 6
/** cluster name, scope 0 -> index in km_cluster */
export const NAME_CLUSTER = 7

// ---------------------------------------------------------------- service and virtual host

/** km_service.flags: the port of a host takes no part (ignore_port_in_host_matching) */
export const SERVICE_IGNORE_PORT = 1
/** a host with a port is one for user space (strip_matching_host_port, strip_any_host_port) */
export const SERVICE_STRIP_PORT = 2
/** so is one that ends in a dot (strip_trailing_host_dot) */
export const SERVICE_STRIP_DOT = 4
/** normalize_path, path_with_escaped_slashes_action: a path that is not in normal form is one for user space */
export const SERVICE_NORMALIZE = 8
/** merge_slashes: so is one with "//" */
export const SERVICE_MERGE_SLASHES = 16
/** ignore_path_parameters_in_path_matching: so is one with ";" */
export const SERVICE_IGNORE_PARAMETERS = 32
/** every request */
export const SERVICE_SLOW = 64
/** there are wildcard domains that the tables cannot hold: what no exact domain takes */
export const SERVICE_WILDCARDS_SLOW = 128
/** km_wildcards is not empty */
export const SERVICE_WILDCARDS = 256

export const service = layout(
  'km_service',
  'A connection manager with its routes; km_wildcards, a km_condition and km_service_headers follow. Its row is the scope of its domains and headers.',
  {
    flags: ['u32', 'SERVICE_*'],
    any: ['u32', 'virtual host of the domain "*"'],
    nowhere: ['u32', 'action where no virtual host takes the host'],
    letters: ['u32', 'headers of interest: bit (first letter & 31)'],
    lengths: ['u64', 'headers of interest: bit min(length, 63)'],
    barred: ['u32', 'slots of headers that send a request to user space when it has them'],
    proto: ['u16', 'slot of x-forwarded-proto plus 1: user space has to look at an empty one; 0: nothing follows from it'],
    checked: [
      'u16',
      'slot of a header plus 1 that has to fulfil the condition in the row behind km_wildcards, else it is one for user space',
    ],
  },
)

export const serviceHeaders = layout('km_service_headers', 'Headers that a service asks for.', {
  single: ['u32', "slots of those that a request may have once only; more of them are user space's"],
  names: ['u32', 'first row of km_names (name-table.ts); 0: their names are in km_name'],
  factor: ['u64', 'of their hash'],
  shift: ['u32', 'the number of a bucket is its bits from this one on'],
  pad: ['u32[3]', '0'],
})

/** Names of up to this many bytes are in km_names: one row of text. */
export const NAME_MAX = 32
export const NAMES_IN_ROW = 8
/** km_names.name: slot plus 1, from here on the length, from there the row of the text */
export const NAME_LENGTH_SHIFT = 6
export const NAME_ROW_SHIFT = 12

export const names = layout('km_names', 'Buckets of names, each of one name at most.', {
  name: ['u32[8]', 'slot plus 1 | length << NAME_LENGTH_SHIFT | row of the text << NAME_ROW_SHIFT; 0: none'],
})

export const wildcards = layout('km_wildcards', 'Lengths of wildcard domains without the asterisk, longest first; 0 behind the last.', {
  suffix: ['u16[8]', ''],
  prefix: ['u16[8]', ''],
})

/** Where a list of candidates is named: the rest is the row of the only route, which has no condition. */
export const LIST_ROUTE = 0x40000000

/** km_virtual_host.flags: every request */
export const VIRTUAL_HOST_SLOW = 1
/** paths are compared in lower case; what is case-sensitive has a condition */
export const VIRTUAL_HOST_FOLD = 2
/** there are exact paths */
export const VIRTUAL_HOST_EXACT = 4

export const virtualHost = layout('km_virtual_host', 'Its row is the scope of its paths.', {
  flags: ['u32', 'VIRTUAL_HOST_*'],
  root: ['u32', 'candidates of a path that nothing in km_name begins, or LIST_ROUTE; 0: none'],
  nowhere: ['u32', 'action where no route takes the request'],
  tls: ['u32', 'require_tls: condition of requests that are sent to https'],
  tls_action: ['u32', 'action for these'],
  lengths: ['u32', 'first row of km_lengths'],
  count: ['u32', 'lengths'],
  state: ['u32', 'state id for counters of what no route took; 0: none'],
})

export const lengths = layout('km_lengths', 'Lengths of path prefixes, ascending.', {
  length: ['u16[16]', ''],
})

export const candidates = layout(
  'km_candidates',
  'Routes in first-match order. The list goes on in the next row, and ends at a route of 0.',
  {
    route: ['u32[4]', 'row of km_route'],
    condition: ['u32[4]', 'row of km_condition; CONDITION_YES: none'],
  },
)

/** km_route.flags: user space decides */
export const ROUTE_SLOW = 1

export const route = layout('km_route', 'A route that took the request.', {
  action: ['u32', 'row of what is done (acting.ts)'],
  flags: ['u32', 'ROUTE_*'],
  state: ['u32', 'state id of its counters'],
  pad: ['u32[5]', '0'],
})

// ---------------------------------------------------------------- conditions

/** Successors of a condition that are no rows. */
export const CONDITION_NO = 0
export const CONDITION_YES = 0xffffffff
export const CONDITION_SLOW = 0xfffffffe

/** km_condition.kind. The subject is there, whatever it is. */
export const CONDITION_PRESENT = 1
export const CONDITION_EXACT = 2
export const CONDITION_PREFIX = 3
export const CONDITION_SUFFIX = 4
export const CONDITION_CONTAINS = 5
/** a whole decimal number, a <= it < b, both signed */
export const CONDITION_RANGE = 6
/** the whole text is matched; `a`: first row of the automaton, in state 0 */
export const CONDITION_REGEX = 7
/** a random number modulo `b` is below `a`; no subject */
export const CONDITION_FRACTION = 8
/** the client's address is in the range at row `a`: 16 bytes, IPv4-mapped or IPv6, of which the first `b` bits count; no subject. Unknown: slow */
export const CONDITION_SOURCE = 9

/** km_condition.flags: in lower case (the text is) */
export const CONDITION_FOLD = 1

/** km_condition.subject: 0 to INTEREST_MAX - 1 are headers by their slot */
export const SUBJECT_METHOD = 64
/** without query */
export const SUBJECT_PATH = 65
/** with query: `:path` */
export const SUBJECT_TARGET = 66
export const SUBJECT_AUTHORITY = 67
/** first value of the parameter whose name is the text of `b` */
export const SUBJECT_QUERY = 68

export const condition = layout('km_condition', 'One question to a request. Its text is `a`: row | length << 32.', {
  kind: ['u8', 'CONDITION_*'],
  flags: ['u8', 'CONDITION_FOLD'],
  subject: ['u16', 'slot or SUBJECT_*'],
  yes: ['u32', 'successor'],
  no: ['u32', 'successor'],
  missing: ['u32', 'successor where the subject is not there'],
  a: ['u64', ''],
  b: ['u64', ''],
})

/**
 * A regex over bytes: 16 rows a state, the successor for byte c in element c & 15 of row c >> 4. Bit 15
 * of a successor says that the text matches when it ends there; 0x7fff: nothing will match any more. Whether the empty text matches, element 0 of row 0
 * tells (bit 15): no text holds a zero byte.
 */
export const automaton = layout('km_automaton', 'A sixteenth of one state of a regex.', {
  next: ['u16[16]', ''],
})
export const AUTOMATON_ROWS = 16
export const AUTOMATON_ACCEPTS = 0x8000
export const AUTOMATON_DEAD = 0x7fff
/** a byte that the automaton does not tell: user space has to */
export const AUTOMATON_UNSURE = 0x7ffe

export const MATCHING_LAYOUTS = [
  service,
  serviceHeaders,
  names,
  wildcards,
  virtualHost,
  lengths,
  candidates,
  route,
  condition,
  automaton,
] as const
