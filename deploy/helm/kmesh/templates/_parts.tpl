{{/* What every container may do. */}}
{{- define "kmesh.rights" -}}
runAsUser: 0
privileged: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  # BPF and NET_ADMIN load and attach; SYS_ADMIN enters network namespaces and leaves the pod's cgroup, SYS_PTRACE finds the namespaces of processes
  add: [BPF, NET_ADMIN, SYS_ADMIN, SYS_PTRACE]
seccompProfile: {type: RuntimeDefault}
# the default profile of container runtimes forbids writing to bpffs
appArmorProfile: {type: Unconfined}
{{- end }}

{{/* The node's places that every container sees. */}}
{{- define "kmesh.places" -}}
- {name: bpffs, mountPath: /sys/fs/bpf, mountPropagation: HostToContainer}
- {name: cgroup, mountPath: /sys/fs/cgroup, mountPropagation: HostToContainer}
- {name: run, mountPath: /run/kmesh}
- {name: cache, mountPath: /var/cache/kmesh}
- {name: trust, mountPath: /etc/kmesh/trust, readOnly: true}
{{- if .Values.registrySecretName }}
- {name: registry, mountPath: /etc/kmesh/registry, readOnly: true}
{{- end }}
{{- end }}
