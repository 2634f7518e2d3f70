/**
 * What goes over the stream. In: requests as plain objects, responses as bytes; out: the other way round, by the descriptors of the xDS API.
 * The messages are envoy.service.discovery.v3: (Delta)DiscoveryRequest and (Delta)DiscoveryResponse. Resources stay bytes here (wire-json.ts reads them).
 */
import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import descriptor from 'protobufjs/ext/descriptor.js'
import protojson from 'protobufjs/ext/protojson.js'

/** google.protobuf.Any, which protobufjs knows by its own, with its own spelling */
export interface Packed {
  readonly typeUrl: string
  readonly value: Uint8Array
}

/** google.rpc.Status */
export interface ErrorDetail {
  readonly code: number
  readonly message: string
}

/** Who asks; only in the first request of a stream. */
export interface Node {
  readonly id: string
  readonly cluster?: string
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly locality?: { readonly region?: string; readonly zone?: string; readonly sub_zone?: string }
  readonly user_agent_name: string
  readonly user_agent_version: string
}

/** State of the world. */
export interface DiscoveryRequest {
  readonly version_info?: string
  readonly node?: Node
  readonly resource_names?: readonly string[]
  readonly type_url: string
  readonly response_nonce?: string
  readonly error_detail?: ErrorDetail
}

export interface DeltaDiscoveryRequest {
  readonly node?: Node
  readonly type_url: string
  readonly resource_names_subscribe?: readonly string[]
  readonly resource_names_unsubscribe?: readonly string[]
  readonly initial_resource_versions?: Readonly<Record<string, string>>
  readonly response_nonce?: string
  readonly error_detail?: ErrorDetail
}

export interface DiscoveryResponse {
  readonly version_info: string
  readonly resources: readonly Packed[]
  readonly type_url: string
  readonly nonce: string
}

export interface DeltaDiscoveryResponse {
  readonly system_version_info: string
  readonly resources: readonly { readonly name: string; readonly version: string; readonly resource?: Packed | null }[]
  readonly removed_resources: readonly string[]
  readonly type_url: string
  readonly nonce: string
}

let loaded: protobuf.Root | undefined

/** All messages of the xDS API by reflection; made once, which takes a fifth of a second. */
export function envoyMessages(): protobuf.Root {
  loaded ??= protobuf.Root.fromDescriptor(
    descriptor.FileDescriptorSet.decode(readFileSync(new URL('../input/descriptors.gen.bin', import.meta.url))) as never,
  )
  return loaded
}

const PACKAGE = 'envoy.service.discovery.v3'

export type RequestName = 'DiscoveryRequest' | 'DeltaDiscoveryRequest'
export type ResponseName = 'DiscoveryResponse' | 'DeltaDiscoveryResponse' | 'Resource'

export function encodeRequest(name: RequestName, request: DiscoveryRequest | DeltaDiscoveryRequest): Buffer {
  return encodeJson(`${PACKAGE}.${name}`, request)
}

/** A message of the API from its JSON form. Throws when the JSON is not one of the type. */
export function encodeJson(type: string, json: object): Buffer {
  const reflected = envoyMessages().lookupType(type)
  const bytes = reflected.encode(protojson.fromJson(reflected, json)).finish()
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Throws when the bytes are no such message; fields that are not set have their defaults. */
export function decodeResponse<T>(name: ResponseName, bytes: Uint8Array): T {
  const type = envoyMessages().lookupType(`${PACKAGE}.${name}`)
  return type.decode(bytes) as unknown as T
}
