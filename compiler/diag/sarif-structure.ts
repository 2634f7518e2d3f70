/**
 * What SARIF 2.1.0 (OASIS, sarif-schema-2.1.0.json) asks of the parts of a log that kmeshc writes, as a JSON schema of its own. In: nothing. Out: the schema, for tests.
 * Required: version and runs of a log, tool of a run, driver of a tool, name of a driver, id of a rule, message of a result, text of a message (of message strings
 * too). Levels, positions from 1, and indices of rules have the ranges of the standard; properties that it does not have are refused.
 */
const text = { type: 'string' } as const
const message = { type: 'object', additionalProperties: false, required: ['text'], properties: { text, markdown: text } } as const
const level = { enum: ['none', 'note', 'warning', 'error'] } as const
const position = { type: 'integer', minimum: 1 } as const

const rule = {
  type: 'object',
  additionalProperties: false,
  required: ['id'],
  properties: {
    id: { type: 'string', minLength: 1 },
    shortDescription: message,
    fullDescription: message,
    help: message,
    helpUri: { type: 'string', format: 'uri' },
    defaultConfiguration: { type: 'object', additionalProperties: false, properties: { level } },
  },
} as const

const location = {
  type: 'object',
  additionalProperties: false,
  properties: {
    physicalLocation: {
      type: 'object',
      additionalProperties: false,
      required: ['artifactLocation'],
      properties: {
        artifactLocation: {
          type: 'object',
          additionalProperties: false,
          // a reference that RFC 3986 allows: nothing that has to be escaped, and no path that looks like a scheme
          properties: {
            uri: { type: 'string', pattern: "^(?:file:///|(?![a-z][a-z0-9+.-]*:))(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*$" },
          },
        },
        region: {
          type: 'object',
          additionalProperties: false,
          required: ['startLine'],
          properties: { startLine: position, startColumn: position },
        },
      },
    },
    logicalLocations: {
      type: 'array',
      uniqueItems: true,
      items: { type: 'object', additionalProperties: false, properties: { fullyQualifiedName: text } },
    },
  },
} as const

const result = {
  type: 'object',
  additionalProperties: false,
  required: ['message'],
  properties: {
    ruleId: text,
    ruleIndex: { type: 'integer', minimum: -1 },
    level,
    message,
    locations: { type: 'array', items: location },
  },
} as const

export const SARIF_STRUCTURE = {
  type: 'object',
  additionalProperties: false,
  required: ['version', 'runs'],
  properties: {
    $schema: { type: 'string' },
    version: { const: '2.1.0' },
    runs: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['tool'],
        properties: {
          tool: {
            type: 'object',
            additionalProperties: false,
            required: ['driver'],
            properties: {
              driver: {
                type: 'object',
                additionalProperties: false,
                required: ['name'],
                properties: { name: text, version: text, rules: { type: 'array', uniqueItems: true, items: rule } },
              },
            },
          },
          columnKind: { enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
          results: { type: 'array', items: result },
        },
      },
    },
  },
} as const
