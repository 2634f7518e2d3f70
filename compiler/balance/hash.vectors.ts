/**
 * Test vectors of the source hash. In: the address text without port, as inet_ntop writes it (IPv6 lower case, the first longest run of two or
 * more zero groups as "::", an IPv4-mapped source as plain IPv4). Out: its xxHash64 with seed 0, which RING_HASH and MAGLEV take for h.
 * The C in bpf/ and the TypeScript must both give these; 127.0.0.1, 127.96.0.1 and ::1 were also met through a real Envoy (scripts/oracle).
 */
export interface HashVector {
  readonly text: string
  readonly hash: bigint
}

/** Published vectors of xxHash64 with seed 0. */
export const PUBLISHED_VECTORS: readonly HashVector[] = [
  { text: '', hash: 0xef46db3751d8e999n },
  { text: 'a', hash: 0xd24ec4f1a98c6e5bn },
  { text: 'abc', hash: 0x44bc2cf5ad770999n },
]

/** 7 to 39 bytes, so that every tail of xxHash64 and its 32-byte loop are met. */
export const SOURCE_VECTORS: readonly HashVector[] = [
  { text: '127.0.0.1', hash: 0xc08b1587df65b7a7n },
  { text: '127.96.0.1', hash: 0xdfd0cc6db1b5c13cn },
  { text: '10.0.0.1', hash: 0xed16cb68c786e3d7n },
  { text: '192.168.100.200', hash: 0x7af1505a3fdb7df9n },
  { text: '255.255.255.255', hash: 0x763a1881b949ee53n },
  { text: '0.0.0.0', hash: 0xd1e6e0312ab620b8n },
  { text: '1.2.3.4', hash: 0xc2a930683c53389cn },
  { text: '::1', hash: 0x59661e2585f0146fn },
  { text: '::', hash: 0xc3b5fc02cdc369c1n },
  { text: 'fd00::1', hash: 0x228e20461e4763c2n },
  { text: '2001:db8::8a2e:370:7334', hash: 0x917c5c3aabc97c26n },
  { text: '2001:db8:1:2:3:4:5:6', hash: 0x9fdb5a99ef0a26ben },
  { text: 'fe80::a:b:c:d', hash: 0x290522fa58a2b561n },
  { text: '1:0:0:2::3', hash: 0xdb37d57e7bc91ec1n },
  { text: '2001:db8:1111:2222:3333:4444:5555:6666', hash: 0x7e77af3d74d78e68n },
  { text: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', hash: 0x959cff5c08d257een },
]
