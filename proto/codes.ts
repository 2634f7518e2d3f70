/**
 * Codes that both halves may show: reading an artifact, applying it, and what the machine can do. compiler/diag/codes.ts adds the compiler's own.
 * Invariant: a code is literal, never renumbered, never given another meaning; a code that is no longer used keeps its entry.
 * One line a code; add yours in its range, in ascending order. KM90xx artifact, KM91xx apply, KM92xx environment, KM93xx serve, KM95xx watch, KM96xx metrics and monitor.
 */
export interface CodeEntry {
  /** What it is unless the place that reports it says otherwise. */
  readonly severity: 'error' | 'warning'
  /** A few words, lower case, no full stop. */
  readonly title: string
  /** Whole sentences for `explain`: what it means and why it is so. */
  readonly explanation: string
  /** Whole sentences: what to do. Printed after `fix` when a diagnostic brings no fix of its own. */
  readonly fix: string
}

export const runtimeCodes = {
  // KM90xx artifact
  KM9001: {
    severity: 'error',
    title: 'the artifact cannot be read',
    explanation: 'The file does not exist, may not be read, or is no ordinary file.',
    fix: 'Check the name and the permissions.',
  },
  KM9002: {
    severity: 'error',
    title: 'not an artifact',
    explanation: 'The file is not a tar archive, or a tar archive that is no OCI image layout.',
    fix: 'Give the file that `kmeshc compile -o` wrote.',
  },
  KM9003: {
    severity: 'error',
    title: 'the archive is damaged',
    explanation: 'The archive ends too early, a header does not carry its checksum, or there is something behind its end.',
    fix: 'Copy the file again, or compile it again.',
  },
  KM9004: {
    severity: 'error',
    title: 'an entry that does not belong in an artifact',
    explanation:
      'The archive holds an absolute path, "..", a link, a device, a name twice, or a file that nothing refers to. No compiler writes such an archive.',
    fix: 'Do not use this file; compile the snapshot again.',
  },
  KM9005: {
    severity: 'error',
    title: 'a digest does not match',
    explanation: 'The content of a blob has another sha256 or size than the one it is named by, so the file was changed or damaged.',
    fix: 'Copy the file again, or compile it again.',
  },
  KM9006: {
    severity: 'error',
    title: 'another kind of OCI image',
    explanation:
      'The archive is an OCI image layout, but its artifact type or the types of its layers are not those of a compiled snapshot.',
    fix: 'Give the file that `kmeshc compile -o` wrote.',
  },
  KM9007: {
    severity: 'error',
    title: 'a document breaks its schema',
    explanation: 'The index, manifest, config or names document is not JSON, or does not follow its schema.',
    fix: 'Compile the snapshot again.',
  },
  KM9008: {
    severity: 'error',
    title: 'another version of the artifact format',
    explanation: 'The artifact was written for another version of the format than the one that is read here.',
    fix: 'Compile the snapshot again with the kmeshc of this version.',
  },
  KM9009: {
    severity: 'error',
    title: 'other struct layouts',
    explanation:
      'The programs and tables of the artifact follow another version of the struct layouts that compiler, runtime and programs share.',
    fix: 'Compile the snapshot again with the kmeshc of this version.',
  },
  KM9010: {
    severity: 'error',
    title: 'a layer cannot be unpacked',
    explanation: 'A layer is not valid gzip, or unpacks to more than an artifact may hold.',
    fix: 'Compile the snapshot again.',
  },
  KM9011: {
    severity: 'error',
    title: 'layers and config disagree',
    explanation:
      'A program or table that the config names is missing, one that it does not name is there, or a table has another number of rows.',
    fix: 'Compile the snapshot again.',
  },
  KM9012: {
    severity: 'error',
    title: 'a table refers to a row that does not exist',
    explanation:
      'A row of a table names a state, chain, cluster or endpoint row beyond the end of its table. No compiler writes such a table.',
    fix: 'Compile the snapshot again.',
  },
  KM9013: {
    severity: 'error',
    title: 'the artifact is not signed',
    explanation: 'The trust policy of this node takes signed artifacts only. Nothing of this one was unpacked.',
    fix: 'Sign it with `kmeshc sign artifact.tar --key key.pem`.',
  },
  KM9014: {
    severity: 'error',
    title: 'signed by nobody who is trusted',
    explanation: 'None of the keys that the artifact was signed with is in the trust policy. Nothing of it was unpacked.',
    fix: 'Put the public key of the signer into the trust policy, or sign it with a key that is trusted.',
  },
  KM9015: {
    severity: 'error',
    title: 'a signature does not match',
    explanation:
      'The artifact carries a signature with a trusted key, but of something else: its config or layers were exchanged after it was signed. Nothing of it was unpacked.',
    fix: 'Do not use this file; get the artifact again from where it was signed.',
  },
  KM9016: {
    severity: 'error',
    title: 'the trust policy cannot be used',
    explanation:
      'A trust policy is named or in place, but it cannot be read, is empty, or holds something that is no public key. As long as that is so, every artifact is refused.',
    fix: 'Put the public keys (Ed25519, PEM) of those who may sign into the directory, as NAME.pem.',
  },
  KM9017: {
    severity: 'error',
    title: 'not a key',
    explanation: 'Artifacts are signed with Ed25519 keys: the private one as PKCS8, the public one as SubjectPublicKeyInfo, both in PEM.',
    fix: 'Make a pair with `kmeshc keygen -o key.pem`.',
  },
  KM9018: {
    severity: 'error',
    title: 'an artifact where a delta belongs, or the other way round',
    explanation: 'A delta holds only what differs from an artifact, so that it cannot stand where a whole artifact is read, and the other way round.',
    fix: 'Give the other file: `kmeshc compile -o artifact.tar` writes whole artifacts, `kmeshc compile --base artifact.tar -o delta.tar` writes deltas.',
  },

  // KM91xx apply
  KM9101: {
    severity: 'error',
    title: 'another runtime is at work',
    explanation: 'Only one runtime at a time may change an instance; another process holds its lock.',
    fix: 'Wait until it has finished, or choose another --instance.',
  },
  KM9102: {
    severity: 'error',
    title: 'not a name of an instance',
    explanation: 'Names of instances are directory names in a bpffs, which reserves the dot.',
    fix: 'Use letters, digits, _ and -, at most 63 of them.',
  },
  KM9103: {
    severity: 'error',
    title: 'not a cgroup v2 directory',
    explanation: '--cgroup names a directory that exists in the cgroup v2 hierarchy.',
    fix: 'Create the directory first, or leave --cgroup out to govern one that the runtime makes.',
  },
  KM9104: {
    severity: 'error',
    title: 'nested governed cgroups',
    explanation:
      'Programs of a cgroup also run for the cgroups below it, so two instances on one path would both choose for the same connection.',
    fix: 'Detach the other instance first, or choose a cgroup beside it.',
  },
  KM9105: {
    severity: 'error',
    title: 'the instance governs another cgroup',
    explanation: 'An instance keeps the cgroup of its first apply.',
    fix: 'Leave --cgroup out, choose another --instance, or detach the instance first.',
  },
  KM9106: {
    severity: 'error',
    title: 'no such instance',
    explanation: 'Nothing is pinned under this name.',
    fix: 'Check --instance; `kmesh-runtime apply` makes an instance.',
  },
  KM9107: {
    severity: 'error',
    title: 'the instance is damaged',
    explanation: 'Pins of the instance are missing, so its tables cannot be reached. Its programs refuse what they no longer can decide.',
    fix: 'Run `kmesh-runtime detach` for the instance, then apply again.',
  },
  KM9108: {
    severity: 'error',
    title: 'the instance has other struct layouts',
    explanation: 'The tables in the kernel were made for another version of the struct layouts than this runtime and artifact have.',
    fix: 'Apply an artifact: it takes over what it can read (KM9142). Where that is refused, detach the instance, then apply again.',
  },
  KM9109: {
    severity: 'error',
    title: 'the verifier rejects a program',
    explanation: 'The kernel refuses to load a program of the artifact. Nothing was changed.',
    fix: 'Report it with the verifier log (--verbose writes all of it to a file); compile for this kernel with --target where it is older than the target of the artifact.',
  },
  KM9110: {
    severity: 'error',
    title: 'a program cannot be loaded',
    explanation: 'A program object of the artifact is not one that the kernel or libbpf can load.',
    fix: 'Compile the snapshot again with the kmeshc of this version.',
  },
  KM9111: {
    severity: 'error',
    title: 'foreign programs run before ours',
    explanation: 'Programs of somebody else on the same hooks run first and may have changed the address before ours see it.',
    fix: 'Remove them, or accept them with --allow-foreign.',
  },
  KM9112: {
    severity: 'error',
    title: 'the runtime is inside the governed cgroup',
    explanation: 'A runtime that governs itself would meet its own programs; it has to stay outside.',
    fix: 'Run it from a process outside the cgroup.',
  },
  KM9113: {
    severity: 'error',
    title: 'no free generation',
    explanation: 'All slots for generations are taken.',
    fix: 'Detach the instance, then apply again.',
  },
  KM9114: {
    severity: 'warning',
    title: 'the governed cgroup was made again',
    explanation:
      'The directory was removed and made again, for instance by a restart of its unit. The programs were attached to the old one, which nothing new joins.',
    fix: 'Nothing: apply has attached them to the new one. Connections made in between were not governed.',
  },
  KM9115: {
    severity: 'warning',
    title: 'the governed cgroup is gone',
    explanation: 'The programs are attached to a cgroup whose directory was removed, or made again since.',
    fix: 'Apply again to attach them to the directory that is there now, or detach the instance.',
  },
  KM9116: {
    severity: 'error',
    title: 'the kernel refused an operation',
    explanation: 'A call of the kernel failed that has to succeed for this command.',
    fix: 'Run as root, or with CAP_BPF, CAP_NET_ADMIN and write permission in the cgroup and the bpffs; `kmesh-runtime doctor` says what is missing.',
  },
  KM9117: {
    severity: 'warning',
    title: 'live sockets escaped',
    explanation:
      'Sockets that were made before their process joined the governed cgroup, or whose connections are older than the programs, are not governed.',
    fix: 'Restart these programs, or destroy the sockets with --reset-existing.',
  },
  KM9118: {
    severity: 'warning',
    title: 'a listener is diverted',
    explanation:
      'The listener needs a slow path that does not exist yet. Connections to it are refused and counted, or pass untouched with --diverted=pass.',
    fix: 'See the reason at its path; use --diverted=pass to let them through.',
  },
  KM9119: {
    severity: 'error',
    title: 'libbpf is missing',
    explanation: 'The library libbpf.so.1 cannot be opened.',
    fix: 'Install it, for instance `apt install libbpf1`.',
  },
  KM9120: {
    severity: 'error',
    title: 'the command cannot be started',
    explanation: 'The command after -- does not exist or may not be run.',
    fix: 'Check its name and the permissions.',
  },
  KM9121: {
    severity: 'warning',
    title: 'connected sockets could not be released',
    explanation: 'UDP sockets that are connected to an endpoint that left keep sending to it.',
    fix: 'Run as root so that sockets can be destroyed, or restart the programs that hold them.',
  },
  KM9122: {
    severity: 'warning',
    title: 'something could not be undone',
    explanation: 'The command failed, and a part of what it had made could not be removed again.',
    fix: 'Run `kmesh-runtime detach` for the instance if it is not in use.',
  },
  KM9123: {
    severity: 'error',
    title: 'the instance is incomplete',
    explanation: 'An earlier first apply or a detach was cut off. Nothing is governed.',
    fix: 'Apply again, which clears it, or run `kmesh-runtime detach`.',
  },
  KM9124: {
    severity: 'warning',
    title: 'source addresses are not all known',
    explanation:
      'Balancing that hashes the source address needs the address of each network namespace that governed processes are in. Where it is not known, such connections are refused and counted as no_source.',
    fix: 'Run as root, so that namespaces of other processes can be entered.',
  },
  KM9125: {
    severity: 'error',
    title: 'the apply was interrupted',
    explanation: 'A signal came before the new generation was in force. Everything that had been made was removed again.',
    fix: 'Apply again.',
  },
  KM9126: {
    severity: 'warning',
    title: 'programs are not attached',
    explanation:
      'Pins of links are missing, so the kernel has detached their programs: what these decide is left alone, and what they count is not given back.',
    fix: 'Apply again, which attaches them.',
  },
  KM9127: {
    severity: 'error',
    title: 'no such generation to go to',
    explanation: 'A rollback goes to a generation that is kept; the number that was given, or the one before, is not among them.',
    fix: 'See `kmesh-runtime history` for those that are kept; apply an older artifact again to have it back.',
  },
  KM9128: {
    severity: 'error',
    title: 'the plan is stale',
    explanation:
      'A plan holds for one artifact, with the options it was made with, on one generation in force. One of them is another now. Nothing was changed.',
    fix: 'Make the plan again with `kmesh-runtime plan`, and look at it again.',
  },
  KM9129: {
    severity: 'error',
    title: 'a probe failed',
    explanation:
      'The new generation was in force and did not do what a probe expects. It was taken back, and what was in force before is again.',
    fix: 'Look at the probe and at the configuration; `kmeshc trace` says what a request meets.',
  },
  KM9130: {
    severity: 'error',
    title: 'a generation waits to be confirmed',
    explanation: 'The generation in force was applied with --confirm-within, and nobody has confirmed it yet. Another one may not take its place.',
    fix: 'Run `kmesh-runtime confirm` to keep it, or `kmesh-runtime rollback` to take it back.',
  },
  KM9131: {
    severity: 'error',
    title: 'not confirmed in time',
    explanation: 'The generation was applied with --confirm-within, and no confirmation came. What was in force before is again.',
    fix: 'Apply again, and run `kmesh-runtime confirm` in time.',
  },
  KM9132: {
    severity: 'error',
    title: 'nothing to confirm',
    explanation: 'The generation in force does not wait for a confirmation.',
    fix: 'See `kmesh-runtime history` for what is in force.',
  },
  KM9133: {
    severity: 'warning',
    title: 'the kernel holds something else',
    explanation: 'What is in the kernel differs from what the artifact says: somebody else has changed tables, programs or links, or pins were lost.',
    fix: 'Run `kmesh-runtime repair` with the artifact that is in force, or apply it again.',
  },
  KM9134: {
    severity: 'error',
    title: 'a plan or a list of probes cannot be read',
    explanation: 'The file does not exist, is not JSON, or does not follow its schema.',
    fix: 'Write it anew: `kmesh-runtime plan -o FILE` makes plans; probes are described in proto/probes.schema.json.',
  },
  KM9135: {
    severity: 'warning',
    title: 'an earlier run was cut off',
    explanation: 'A command before this one ended in the midst of its work. What it left behind was cleared away.',
    fix: 'Nothing: the instance is as it was before that command, or as it would have been after it.',
  },
  KM9136: {
    severity: 'error',
    title: 'not everything could be repaired',
    explanation: 'A part of what drifted cannot be put right while the generation stays in force.',
    fix: 'Apply the artifact again; where pins are lost, detach first.',
  },
  KM9137: {
    severity: 'error',
    title: 'a delta of another artifact',
    explanation: 'A delta holds what changes from one artifact to the next. Another one is in force than the one that this delta was made from. Nothing was changed.',
    fix: 'Apply the whole artifact, or make the delta from what `kmesh-runtime history` shows to be in force.',
  },
  KM9138: {
    severity: 'error',
    title: 'no room for a delta',
    explanation:
      'A delta writes into rows that are kept spare in the tables in force, and into one of five versions that each cluster has. There is no room left, or what it leads on from is not whole. Nothing was changed.',
    fix: 'Apply the whole artifact, which makes room.',
  },
  KM9139: {
    severity: 'error',
    title: 'not for a delta',
    explanation: 'A delta changes endpoints of what is in force and nothing else, so that options which ask for more have no meaning with one.',
    fix: 'Leave the option out, or apply the whole artifact.',
  },
  KM9140: {
    severity: 'warning',
    title: 'a kernel without proof',
    explanation:
      'The artifact carries what kernels made of its programs when they verified them, and none of them is of the line (major and minor version) of this one. The kernel verifies every program all the same, so an artifact that it takes is safe; it was only never tried here.',
    fix: 'Run `kmesh-runtime prove` here, and give the file to `kmeshc compile --proof`.',
  },
  KM9141: {
    severity: 'warning',
    title: 'an older kernel than the artifact is for',
    explanation: 'The artifact was compiled with --target for a later kernel than this one.',
    fix: 'Compile it with the --target of the oldest kernel of the fleet.',
  },
  KM9142: {
    severity: 'warning',
    title: 'an instance with other struct layouts is taken over',
    explanation:
      'The tables in the kernel were made by a runtime with other layouts. New ones are made beside them; what connections are counted by comes along as far as both layouts have it, and the message says what does not. Generations of the other runtime are no way back, as their programs work on its tables.',
    fix: 'Nothing has to be done; a way back is an apply with the other runtime and its artifact.',
  },
  KM9143: {
    severity: 'error',
    title: 'a holder keeps connections with other struct layouts',
    explanation:
      'Connections that are routed request by request are kept by a holder, which has the tables of the runtime that started it in its memory. The tables cannot be replaced under it.',
    fix: 'End it with `kmesh-runtime serve --stop` of the runtime that started it, which lets requests under way finish; then apply, and serve again.',
  },

  // KM92xx environment
  KM9201: {
    severity: 'error',
    title: 'a program cannot be attached here',
    explanation: 'The kernel does not load or attach a program of a kind that the data plane consists of.',
    fix: 'Use a kernel from 6.1 on that has CONFIG_CGROUP_BPF, and run as root or with CAP_BPF and CAP_NET_ADMIN.',
  },
  KM9202: {
    severity: 'error',
    title: 'the kernel lacks a helper',
    explanation: 'The programs call a function of the kernel that this one does not offer to them.',
    fix: 'Use a kernel from 6.1 on.',
  },
  KM9203: {
    severity: 'error',
    title: 'the kernel lacks a kind of table',
    explanation: 'A table of the data plane, or an operation on it, is not supported by this kernel.',
    fix: 'Use a kernel from 6.1 on.',
  },
  KM9204: {
    severity: 'error',
    title: 'no usable cgroup v2 hierarchy',
    explanation: 'Programs are attached to cgroup v2 directories. None is mounted, or none can be made there.',
    fix: 'Mount one, for instance `mount -t cgroup2 none /sys/fs/cgroup/unified`, and run where it is writable.',
  },
  KM9205: {
    severity: 'error',
    title: 'no usable bpffs',
    explanation: 'What an instance consists of is pinned in a bpffs. None is mounted, and none can be.',
    fix: 'Run `mount -t bpf bpf /sys/fs/bpf` as root, or run with CAP_SYS_ADMIN.',
  },
  KM9206: {
    severity: 'error',
    title: 'a capability is missing',
    explanation: 'The runtime needs it to load or attach programs.',
    fix: 'Run as root, or give it CAP_BPF and CAP_NET_ADMIN.',
  },
  KM9207: {
    severity: 'warning',
    title: 'a capability for a part of the work is missing',
    explanation: 'Everything that needs it is left out, and the output says so.',
    fix: 'Run as root, or give it the capability.',
  },
  KM9208: {
    severity: 'warning',
    title: 'programs are interpreted',
    explanation: 'The just-in-time compiler of the kernel is off, which makes each decision several times slower.',
    fix: 'Run `sysctl net.core.bpf_jit_enable=1`.',
  },
  KM9209: {
    severity: 'warning',
    title: 'unprivileged users may load programs',
    explanation: 'The data plane does not need that, and it widens what a local attacker can try.',
    fix: 'Run `sysctl kernel.unprivileged_bpf_disabled=2`.',
  },
  KM9210: {
    severity: 'warning',
    title: 'sockets cannot be destroyed',
    explanation: 'Connected UDP sockets stay with an endpoint that left, and --reset-existing does nothing.',
    fix: 'Use a kernel with CONFIG_INET_DIAG_DESTROY, CONFIG_INET_TCP_DIAG and CONFIG_INET_UDP_DIAG, and give the runtime CAP_NET_ADMIN.',
  },
  KM9211: {
    severity: 'warning',
    title: 'few open files are allowed',
    explanation: 'An apply holds up to a thousand descriptors.',
    fix: 'Run `ulimit -n 4096` before it.',
  },
  KM9212: {
    severity: 'warning',
    title: 'programs of others are on the same hooks',
    explanation:
      'Those that run before ours may have changed the address before ours see it; those that run after may change what ours chose.',
    fix: 'Remove them, or apply with --allow-foreign when they are meant to be there.',
  },
  KM9213: {
    severity: 'warning',
    title: 'the kernel is older than those it was tried on',
    explanation: 'Every needed feature was probed and is there, but nobody tried this version.',
    fix: 'Use a kernel from 6.1 on.',
  },
  KM9214: {
    severity: 'warning',
    title: 'service addresses can be reached without the programs',
    explanation: 'Should the programs be detached, clients connect to the raw address, and these have a route that leaves the machine.',
    fix: 'Give the service addresses a route that refuses, for instance `ip route add unreachable 10.96.0.0/12`.',
  },
  KM9215: {
    severity: 'warning',
    title: 'the kernel brings no type information',
    explanation: 'Nothing of the data plane needs it, but tools that show programs and tables in detail do.',
    fix: 'Use a kernel with CONFIG_DEBUG_INFO_BTF.',
  },

  // KM93xx serve
  KM9301: {
    severity: 'error',
    title: 'the holder cannot be started',
    explanation: 'The native program that holds the sockets of HTTP services did not start, or was never built.',
    fix: 'Run scripts/setup, which builds it; its log says what is wrong.',
  },
  KM9302: {
    severity: 'error',
    title: 'another holder',
    explanation: 'A holder of another version of this product has the sockets of the instance.',
    fix: 'Stop it with `kmesh-runtime serve --stop` of the version that started it, or end its process.',
  },
  KM9303: {
    severity: 'error',
    title: 'not a place to connect to',
    explanation: '--waypoint takes an address or a host name and a port.',
    fix: 'Write it as 192.0.2.7:15008, [2001:db8::7]:15008 or waypoint.example:15008.',
  },
  KM9304: {
    severity: 'warning',
    title: 'nobody serves',
    explanation:
      'HTTP services that are routed request by request need a process that accepts for them. Without one their connections are refused and counted as no_acceptor; they never open to the raw address.',
    fix: 'Run `kmesh-runtime serve`.',
  },

  // KM95xx watch
  KM9501: {
    severity: 'error',
    title: 'nothing to watch there',
    explanation: 'What is watched is a directory that can be read, or a repository of a registry.',
    fix: 'Give a directory, or oci:REGISTRY/REPOSITORY:TAG.',
  },
  KM9502: {
    severity: 'error',
    title: 'the registry does not give what was asked for',
    explanation: 'The registry cannot be reached, refuses, does not have the tag, or gives other bytes than those that a digest names. It is asked again.',
    fix: 'Check address, tag and credentials (--authfile); a registry without TLS needs --plain-http.',
  },
  KM9503: {
    severity: 'warning',
    title: 'not applied again after a rollback',
    explanation:
      'The newest artifact was in force before and was rolled back. Starting to watch does not undo that; what appears from now on is applied.',
    fix: 'Apply it with `kmesh-runtime apply` if it is wanted after all, or put another one there.',
  },
  KM9504: {
    severity: 'error',
    title: 'the cache of layers cannot be used',
    explanation: 'Layers that were fetched are kept by digest, so that only changed ones are fetched again.',
    fix: 'Name a directory that can be written with --cache.',
  },
  KM9505: {
    severity: 'error',
    title: 'the credentials cannot be read',
    explanation: 'The file that --authfile or REGISTRY_AUTH_FILE names is not there, or has another form than the one that skopeo and docker write.',
    fix: 'Write it with `skopeo login --authfile FILE REGISTRY`.',
  },

  // KM96xx metrics, monitor
  KM9601: {
    severity: 'error',
    title: 'another monitor listens',
    explanation: 'Decisions of an instance are told to one monitor at a time.',
    fix: 'End the other one, or read its output: `kmesh-runtime monitor --json` writes lines that can be shared.',
  },
  KM9602: {
    severity: 'error',
    title: 'metrics cannot be served there',
    explanation: '--listen takes an address of this machine and a port that nobody has. Nothing is served.',
    fix: 'Write it as 127.0.0.1:9464 or [::1]:9464, and choose a port that is free.',
  },
} as const satisfies Record<string, CodeEntry>

export type RuntimeCode = keyof typeof runtimeCodes
