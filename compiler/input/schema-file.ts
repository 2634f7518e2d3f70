/**
 * The format of compiler/input/schema.gen.json: what is known of every message that may turn up in a snapshot.
 *
 * Written by scripts/schema.py (run by scripts/setup) from the descriptors of the Python package xds-protos: all of envoy.*, xds.*, udpa.*,
 * google.protobuf.*, google.rpc.Status and what they refer to, without tracing's opencensus. Types only: input/schema.ts loads the file.
 * Keys are sorted and absent flags left out, so that the file is small and its bytes depend on the package's version only.
 */

export interface SchemaFile {
  /** version of xds-protos: which Envoy API is known */
  readonly version: string
  /** by full name, e.g. "envoy.config.cluster.v3.Cluster"; map entry messages are not listed */
  readonly messages: Readonly<Record<string, SchemaMessage>>
  /** by full name */
  readonly enums: Readonly<Record<string, SchemaEnum>>
}

export interface SchemaMessage {
  /** in order of declaration */
  readonly fields: readonly SchemaField[]
  /** real oneofs (those of proto3 `optional` are left out): name -> is one of them required (validate.required) */
  readonly oneofs?: Readonly<Record<string, { readonly required?: true }>>
  readonly deprecated?: true
}

export type ScalarType =
  | 'double'
  | 'float'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'sint32'
  | 'sint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed32'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes'

export interface SchemaField {
  /** snake_case, as in the .proto */
  readonly name: string
  /** JSON name, where it differs from `name` */
  readonly json?: string
  readonly number: number
  /** of a map: the type of its values */
  readonly type: ScalarType | 'message' | 'enum'
  /** full name of the message or enum */
  readonly of?: string
  readonly repeated?: true
  /** a map: the type of its keys; `repeated` is then not set */
  readonly map?: ScalarType
  readonly oneof?: string
  /** proto3 `optional` or proto2: a scalar with presence */
  readonly optional?: true
  readonly deprecated?: true
  /** Envoy refuses it unless a runtime flag allows it (envoy.annotations.disallowed_by_default) */
  readonly disallowed?: true
  /** validate.rules as JSON with snake_case names, e.g. {"string":{"min_len":1}}, {"message":{"required":true}}, {"repeated":{"min_items":1,"items":{...}}};
   * integers are numbers, durations and timestamps {"seconds":n,"nanos":n}, bytes base64 */
  readonly rules?: Readonly<Record<string, unknown>>
}

export interface SchemaEnum {
  /** name -> number, in order of declaration; aliases included */
  readonly values: Readonly<Record<string, number>>
  /** names that are deprecated */
  readonly deprecated?: readonly string[]
  /** names that Envoy refuses unless a runtime flag allows them (envoy.annotations.disallowed_by_default_enum) */
  readonly disallowed?: readonly string[]
}
