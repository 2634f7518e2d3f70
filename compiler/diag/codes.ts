/**
 * Every code that kmeshc prints, literal and greppable. In: nothing. Out: `codes`, the table behind `kmeshc explain`.
 * Invariant: a code is never renumbered and never given another meaning; a code that is no longer used keeps its entry.
 * One line a code; add yours in its range, in ascending order:
 * KM10xx input and format, KM11xx decoding and validation, KM12xx listeners and filter chains, KM13xx clusters and endpoints, KM14xx balancing,
 * KM15xx lowering and limits, KM16xx emitting and clang, KM17xx HTTP (diverted) and inbound, KM18xx command line and resolve files.
 * KM90xx to KM92xx are in proto/codes.ts, because the runtime shows them too.
 */
import { type CodeEntry, runtimeCodes } from '../../proto/codes.ts'

const compilerCodes = {
  // KM10xx input and format
  KM1001: { severity: 'error', title: 'the input cannot be read', explanation: 'The file or directory does not exist, or may not be read.', fix: 'Check the name and the permissions.' },
  KM1002: { severity: 'error', title: 'the input is empty', explanation: 'The file has no bytes, or only white space and comments.', fix: 'Give a file with xDS resources.' },
  KM1003: { severity: 'error', title: 'not valid JSON', explanation: 'The text begins as JSON does and is not valid JSON. A file that was cut off ends in the middle of a value.', fix: 'Repair the text at the place shown, or fetch the dump again.' },
  KM1004: { severity: 'error', title: 'not valid YAML', explanation: 'The text is neither JSON nor valid YAML.', fix: 'Repair the text at the place shown.' },
  KM1005: { severity: 'error', title: 'not UTF-8 text', explanation: 'JSON and YAML are UTF-8; the file has bytes that are not, or is UTF-16 or UTF-32.', fix: 'Convert the file to UTF-8.' },
  KM1006: { severity: 'error', title: 'binary content', explanation: 'The file is an archive, a compressed or compiled file or binary protobuf, not text.', fix: 'Unpack it, or give the JSON or YAML form, for instance of GET /config_dump.' },
  KM1007: { severity: 'error', title: 'the text is too long', explanation: 'One text may have 500 MB at most.', fix: 'Split the snapshot by resource type and give several files.' },
  KM1008: { severity: 'error', title: 'a Kmesh workload dump', explanation: 'Workload, service and authorization dumps of Kmesh follow the workload model, not Envoy xDS.', fix: 'Give the Envoy xDS resources, for instance an istioctl config dump of a proxy.' },
  KM1009: { severity: 'error', title: 'a Kubernetes manifest', explanation: 'Kubernetes objects are what a control plane reads; the compiler reads the xDS that it computes from them.', fix: 'Give the xDS output of the control plane, for instance `istioctl proxy-config all POD -o json` or GET /config_dump of a proxy.' },
  KM1010: { severity: 'error', title: 'the form is not known', explanation: 'The text is JSON or YAML, but none of the forms of xDS resources: a config dump, a DiscoveryResponse, resources with @type, a map from kind to list, a bootstrap.', fix: 'Give one of these forms; a single resource needs "@type".' },
  KM1011: { severity: 'warning', title: 'no resource in the input', explanation: 'The form is known, but it has no listener, cluster, endpoint assignment or route configuration.', fix: 'Check that this is the dump that you meant.' },
  KM1012: { severity: 'error', title: 'a resource is defined twice', explanation: 'Two resources of one type have one name and differ, so it is not clear which one counts.', fix: 'Remove one of them, or compile the files apart.' },
  KM1013: { severity: 'warning', title: 'a resource is repeated', explanation: 'Two resources of one type have one name and are equal; one of them is used.', fix: 'Remove one of them.' },
  KM1014: { severity: 'warning', title: 'a key is repeated', explanation: 'One object has the same key twice. The last one counts, as in every common JSON reader.', fix: 'Remove one of the two.' },
  KM1015: { severity: 'warning', title: 'a resource is still warming', explanation: 'The config dump lists the resource as warming: the proxy has it and does not use it yet. The active version is compiled, or none where there is none.', fix: 'Take the dump again once the proxy is ready.' },
  KM1016: { severity: 'warning', title: 'the proxy refused an update', explanation: 'The config dump carries an error_state for the resource: the proxy kept the version before. That version is compiled, or none where there is none.', fix: 'Repair the update that the proxy refused; its error is quoted.' },
  KM1017: { severity: 'error', title: 'nested too deeply', explanation: 'A value is nested in more than 100 levels, which is the limit of protobuf readers too.', fix: 'Flatten the value.' },
  KM1018: { severity: 'error', title: 'too many YAML aliases', explanation: 'The aliases of the YAML text expand to far more nodes than were written.', fix: 'Write the values out, or use fewer aliases.' },
  KM1019: { severity: 'error', title: 'a resource without a name', explanation: 'Clusters, endpoint assignments and route configurations are referred to by name.', fix: 'Give the resource a name.' },
  KM1020: { severity: 'warning', title: 'a resource of a type that is not compiled', explanation: 'The input has a resource that is neither listener, cluster, endpoint assignment, route configuration nor one that these refer to.', fix: 'Nothing, if it does not matter here; it is listed in the coverage.' },
  KM1021: { severity: 'error', title: 'a resource of the API v2', explanation: 'The v2 API was removed from Envoy in 2021; its resources mean nothing to it.', fix: 'Have the control plane send v3 resources (envoy.config.*.v3).' },

  // KM11xx decoding and validation
  KM1101: { severity: 'error', title: 'a value of the wrong type', explanation: 'The value cannot be what the field needs, for instance a text where a message is needed.', fix: 'Give a value of the type named.' },
  KM1102: { severity: 'warning', title: 'an unknown field', explanation: 'The field is in no version of the API that is known here. Envoy ignores unknown fields of what comes over xDS; so does the compiler.', fix: 'Check the spelling, or remove the field.' },
  KM1103: { severity: 'error', title: 'an unknown field in static resources', explanation: 'Envoy refuses a bootstrap with unknown fields in static_resources.', fix: 'Check the spelling, or remove the field.' },
  KM1104: { severity: 'warning', title: 'an unknown enum value', explanation: 'The value is none that the field knows. Envoy ignores it in what comes over xDS, and the field then has its default; so it is here.', fix: 'Use one of the values of the API.' },
  KM1105: { severity: 'error', title: 'two fields of one choice', explanation: 'Of the fields of a oneof at most one may be set.', fix: 'Remove all but one.' },
  KM1106: { severity: 'error', title: 'a number out of range', explanation: 'The number does not fit the type of the field, or is not whole where it must be.', fix: 'Give a number in the range.' },
  KM1107: { severity: 'error', title: 'not a duration', explanation: 'Durations are written as seconds with at most nine decimals and an "s", for instance "0.25s".', fix: 'Write it like "1.5s".' },
  KM1108: { severity: 'error', title: 'not base64', explanation: 'Fields of bytes are written in base64, in the standard or the URL alphabet.', fix: 'Encode the bytes in base64.' },
  KM1109: { severity: 'error', title: 'not a time stamp', explanation: 'Time stamps are written as in RFC 3339, for instance "2024-05-01T12:00:00Z".', fix: 'Write it in this form.' },
  KM1110: { severity: 'error', title: 'a value that Envoy refuses', explanation: 'The value breaks a rule of the API (its validate rules), and Envoy refuses the resource when it is loaded.', fix: 'Give a value that keeps the rule.' },
  KM1111: { severity: 'error', title: 'a required field is missing', explanation: 'The API requires the field, or one field of a choice, and Envoy refuses the resource without it. It is a warning where the message has fields that are not known here: a newer API may have other rules.', fix: 'Set the field.' },
  KM1112: { severity: 'warning', title: 'a field that Envoy no longer takes', explanation: 'The field is deprecated and disallowed by default: Envoy refuses it unless a runtime key allows it.', fix: 'Use the field that took its place.' },
  KM1113: { severity: 'warning', title: 'a field set under both names', explanation: 'The field is there as snake_case and as camelCase. Envoy takes the last one; so does the compiler.', fix: 'Remove one of the two.' },
  KM1114: { severity: 'error', title: 'not an Any', explanation: 'An Any needs "@type" with the URL of its message; its content stands beside it, or under "value" for well-known types.', fix: 'Add "@type".' },

  // KM12xx listeners and filter chains
  KM1201: { severity: 'warning', title: 'a listener needs user space', explanation: 'Something that holds for the whole listener (a listener filter, a matcher, QUIC, an unknown field) cannot be done at connect. The listener is diverted: what is dialled there is refused, or left alone with `apply --diverted=pass`.', fix: 'Remove what is named, or let a proxy serve this address.' },
  KM1202: { severity: 'warning', title: 'a filter chain needs user space', explanation: 'The filter chain does something that cannot be done at connect, for instance ends TLS, tunnels over HTTP, or ends with another filter than tcp_proxy. Connections that meet it are diverted.', fix: 'Remove what is named, or let a proxy serve this address.' },
  KM1203: { severity: 'warning', title: 'a filter that decides stands before tcp_proxy', explanation: 'The filter may refuse, delay or redirect connections, or nobody here knows it. It is never left out: the whole filter chain is diverted.', fix: 'Remove the filter, or let a proxy serve this address.' },
  KM1204: { severity: 'warning', title: 'filter chains are told apart by the first bytes', explanation: 'server_names, transport_protocol or application_protocols are found by a listener filter in what the client sends; at connect nothing has been sent. The connections concerned are diverted.', fix: 'Use destination ports or addresses to tell the chains apart.' },
  KM1205: { severity: 'warning', title: 'filter chains are told apart by the client', explanation: 'The source address of a connection is not known when it is decided, so matches on it are diverted.', fix: 'Use destination ports or addresses to tell the chains apart.' },
  KM1206: { severity: 'error', title: 'two listeners have one address', explanation: 'Envoy refuses the second of two listeners with an equal address, also when they do not bind it.', fix: 'Remove one of the two.' },
  KM1207: { severity: 'error', title: 'two filter chains match the same', explanation: 'Envoy refuses a listener in which two filter chains have a match in common.', fix: 'Remove one of the two, or tell them apart.' },
  KM1208: { severity: 'warning', title: 'a wildcard listener without an address', explanation: 'A listener on 0.0.0.0 or [::] that binds its port takes what arrives at the addresses of its node, not everything that is sent to that port anywhere. Which addresses these are is not in the snapshot. The listener is diverted and not installed.', fix: 'Name the addresses of the node with --address.' },
  KM1209: { severity: 'warning', title: 'a listener that nobody can dial', explanation: 'The listener has no IP address with a port: a Unix domain socket, an internal listener, an API listener, or port 0. It is not installed.', fix: 'Nothing, if no client is meant to meet it.' },
  KM1210: { severity: 'error', title: 'a listener address that Envoy refuses', explanation: 'A listener needs a numeric address and a port number; ipv4_compat is for :: and IPv4-mapped addresses.', fix: 'Give an IP address and a port number.' },
  KM1211: { severity: 'error', title: 'the last filter does not end the chain', explanation: 'Exactly the last filter of a chain must be one that ends it, such as tcp_proxy; Envoy refuses others.', fix: 'Put the filters in order.' },
  KM1212: { severity: 'error', title: 'a listener that Envoy refuses', explanation: 'For instance no filter chain at all, filter chains on UDP, a mix of TCP and UDP addresses.', fix: 'Correct what is named.' },
  KM1213: { severity: 'warning', title: 'a cluster that is not in the snapshot', explanation: 'Envoy takes a proxy filter whose cluster does not exist, and closes its connections. They are refused here with the reason unknown_cluster.', fix: 'Add the cluster, or correct the name.' },
  KM1215: { severity: 'warning', title: 'two filter chains stand for every address', explanation: 'One chain has no prefix_ranges and another has a prefix of length 0. Which one Envoy takes depends on the order of a hash table (tried: it changes from start to start). The connections concerned are diverted.', fix: 'Remove one of the two.' },
  KM1216: { severity: 'warning', title: 'original destinations that are never known', explanation: 'An ORIGINAL_DST cluster needs the address that was dialled before a redirect. The listener binds its own address, nothing in the snapshot redirects to it, and it is not TCP or not redirected: Envoy finds no endpoint and closes.', fix: 'Use another cluster, or a listener with use_original_dst.' },
  KM1218: { severity: 'error', title: 'a filter chain match that Envoy refuses', explanation: 'A prefix that is no address, a partial wildcard in server_names, or a field that Envoy does not have.', fix: 'Correct what is named.' },
  KM1219: { severity: 'warning', title: 'two catch-all listeners', explanation: 'Two listeners of one family with use_original_dst take what no other listener claims. Which of them a connection meets depends on redirect rules that are not in the snapshot; the first by name is used.', fix: 'Mark the one for arriving connections with traffic_direction INBOUND.' },

  // KM13xx clusters and endpoints
  KM1301: { severity: 'warning', title: 'endpoints cannot be reached in plain text', explanation: 'The transport socket of endpoints is TLS, PROXY protocol, HBONE or another that the client does not speak. Plain text is never sent there by mistake: connections to the cluster are refused with the reason tls.', fix: 'If the servers take plain text too (Istio: PERMISSIVE), say --plaintext-to=istio.' },
  KM1302: { severity: 'warning', title: 'host names without addresses', explanation: 'Nothing is looked up while compiling. The cluster has endpoints by host name, and --resolve does not give their addresses; connections to it are refused with the reason unresolved.', fix: 'Give a file with names and addresses to --resolve.' },
  KM1303: { severity: 'warning', title: 'endpoints without an IP address', explanation: 'Unix domain sockets and internal listeners cannot be the target of a TCP or UDP connection; connections to the cluster are refused with the reason unresolved.', fix: 'Let a proxy serve this cluster.' },
  KM1304: { severity: 'warning', title: 'outlier detection is not done', explanation: 'Envoy ejects endpoints whose connections fail; here the health_status of EDS alone decides. An error under --strict.', fix: 'Let the control plane report failing endpoints as UNHEALTHY.' },
  KM1305: { severity: 'warning', title: 'active health checks are not made', explanation: 'Envoy probes endpoints; here the health_status of EDS alone decides. An error under --strict.', fix: 'Let the control plane report failing endpoints as UNHEALTHY.' },
  KM1307: { severity: 'warning', title: 'a cluster needs user space', explanation: 'Something in the cluster cannot be done at connect (its type, a source address of its own, limits of each endpoint, filters, an unknown field). The cluster is diverted: connections to it are refused.', fix: 'Remove what is named, or let a proxy serve this cluster.' },
  KM1308: { severity: 'warning', title: 'an EDS cluster without assignment', explanation: 'The snapshot has no ClusterLoadAssignment of this name. As in Envoy the cluster has no endpoints, and connections are refused with the reason no_endpoint.', fix: 'Add the endpoints (EDS) to the snapshot.' },
  KM1309: { severity: 'error', title: 'an endpoint address that Envoy refuses', explanation: 'Endpoints of STATIC and EDS clusters need numeric addresses and port numbers.', fix: 'Give an IP address, or make the cluster STRICT_DNS or LOGICAL_DNS.' },
  KM1310: { severity: 'error', title: 'LOGICAL_DNS with other than one endpoint', explanation: 'A LOGICAL_DNS cluster has exactly one locality with one endpoint; Envoy refuses others.', fix: 'Use STRICT_DNS.' },
  KM1311: { severity: 'error', title: 'a cluster type with settings that Envoy refuses', explanation: 'ORIGINAL_DST needs lb_policy CLUSTER_PROVIDED and no load_assignment.', fix: 'Correct what is named.' },
  KM1312: { severity: 'warning', title: 'an endpoint is repeated', explanation: 'Envoy uses the first of several endpoints of an EDS cluster with one address, over all localities and priorities; so it is here.', fix: 'Remove the others; use load_balancing_weight for a larger share.' },
  KM1313: { severity: 'warning', title: 'further addresses of an endpoint are not tried', explanation: 'Envoy tries additional_addresses when the first address of an endpoint does not answer; a connection here gets the first.', fix: 'Nothing, if the first address is reachable.' },
  KM1317: { severity: 'warning', title: 'zone aware routing is not done', explanation: 'With a local cluster Envoy prefers endpoints in its own zone.', fix: 'Use priorities or locality weights.' },
  KM1318: { severity: 'warning', title: 'runtime keys are not applied', explanation: 'The runtime of the bootstrap changes circuit breakers, connection limits or load balancing by keys, which the compiler does not read.', fix: 'Write the values into clusters and listeners.' },

  // KM14xx balancing
  KM1401: { severity: 'warning', title: 'load balancing that cannot be done at connect', explanation: 'The policy needs what is not there when a connection is made: load reports, metadata of a route, bounded load, code of the user. Every connection to the cluster is refused as diverted; another policy is never put in its place.', fix: 'Use ROUND_ROBIN, RANDOM, LEAST_REQUEST, RING_HASH or MAGLEV.' },
  KM1402: { severity: 'warning', title: 'slow start is not applied', explanation: 'Envoy gives an endpoint less than its share for a while after it was added. Here a new endpoint has its full share at once; nothing else differs.', fix: 'Remove slow_start_config, or let new endpoints report ready once they are warm.' },
  KM1403: { severity: 'error', title: 'the Maglev table size is not prime', explanation: 'Envoy refuses a cluster whose Maglev table_size is not a prime number.', fix: 'Use a prime number, for instance 65537.' },
  KM1404: { severity: 'error', title: 'the ring sizes exclude each other', explanation: 'minimum_ring_size is larger than maximum_ring_size (1,024 and 8,388,608 when not set), and Envoy refuses the cluster.', fix: 'Lower the minimum or raise the maximum.' },
  KM1405: { severity: 'error', title: 'a load balancing policy that Envoy refuses', explanation: 'load_balancing_policy excludes lb_subset_config and the locality, zone and hashing fields of common_lb_config; it needs an entry that Envoy knows; lb_policy LOAD_BALANCING_POLICY_CONFIG needs it.', fix: 'Leave one of the two out, or name a policy that Envoy has.' },
  KM1406: { severity: 'error', title: 'host names are hashed in STRICT_DNS clusters only', explanation: 'Envoy refuses common_lb_config.consistent_hashing_lb_config.use_hostname_for_hashing in a cluster of another type; under load_balancing_policy it takes it in any.', fix: 'Use load_balancing_policy, or leave use_hostname_for_hashing out.' },

  // KM15xx lowering and limits
  KM1501: { severity: 'error', title: 'too many owners of state', explanation: 'Every listener, cluster, endpoint and round-robin cursor owns a row of kernel state; the tables hold about eight million of them.', fix: 'Split the snapshot between several instances.' },

  // KM16xx emitting and clang
  KM1601: { severity: 'error', title: 'no clang', explanation: 'Programs are compiled with clang 14 or later, and llvm-strip beside it; neither is on PATH, and the object cache does not have what this snapshot needs.', fix: 'Install clang-14 and llvm-14, or compile where they are.' },
  KM1602: { severity: 'error', title: 'clang refused generated code', explanation: 'This is a fault of the compiler, or of a clang or of headers it does not know.', fix: 'Report it with the message shown and the output of --emit c.' },
  KM1603: { severity: 'error', title: 'a program is over a kernel limit', explanation: 'A generated program uses more stack than programs that tail-call may (256 bytes), or has more instructions than the budget allows.', fix: 'Report it with the output of --emit c.' },

  // KM17xx HTTP (diverted) and inbound
  KM1701: { severity: 'warning', title: 'an HTTP listener is diverted', explanation: 'The filter chain ends with http_connection_manager: requests are routed one by one, which needs more than a connection. It is never half applied: connections are refused and counted, or left alone with `apply --diverted=pass`.', fix: 'Let a proxy serve this address, or use tcp_proxy where all requests go to one cluster.' },
  KM1702: { severity: 'warning', title: 'an inbound listener is not installed', explanation: 'traffic_direction INBOUND governs what arrives at a workload. Only what clients dial is decided here, so its filters are not enforced.', fix: 'Enforce what is named at the workload.' },

  // KM18xx command line and resolve files
  KM1801: { severity: 'error', title: 'the resolve file is not valid', explanation: 'The file of --resolve gives addresses to host names: a JSON or YAML map from name to addresses, or lines of a name and its addresses.', fix: 'Write {"name": ["address", ...]}, or lines of "name address...".' },
  KM1802: { severity: 'error', title: 'the output cannot be written', explanation: 'The file of -o could not be made; nothing was left behind.', fix: 'Check the directory, its permissions and the free space.' },
  KM1803: { severity: 'error', title: 'the path is not in the snapshot', explanation: 'Paths begin with the kind and the name of a resource, for instance cds["reviews"]; the snapshot has no such resource.', fix: 'Check kind and name against the snapshot that was compiled.' },
  KM1804: { severity: 'warning', title: 'a part of the path is not written in the snapshot', explanation: 'The resource is there, but not everything below it that the path names: a field with its default value, or a spelling mistake. The nearest part is shown.', fix: 'Nothing, if the field has its default.' },
} as const satisfies Record<string, CodeEntry>

export const codes = { ...compilerCodes, ...runtimeCodes } as const

export type Code = keyof typeof codes
