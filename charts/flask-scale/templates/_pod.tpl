{{/* What pods share. */}}

{{/* A pod's securityContext, restricted: (list $defaults $overrides). */}}
{{- define "flask-scale.podSecurityContext" -}}
{{- $base := dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- mergeOverwrite $base (index . 0) (index . 1 | default dict | deepCopy) | toYaml -}}
{{- end -}}

{{/* A container's securityContext, restricted: its overrides. */}}
{{- define "flask-scale.securityContext" -}}
{{- $base := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) -}}
{{- mergeOverwrite $base (. | default dict | deepCopy) | toYaml -}}
{{- end -}}

{{/* Where a component's pods may run: (list $ "api" .Values.api). */}}
{{- define "flask-scale.scheduling" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $values := index . 2 -}}
{{- with $root.Values.global.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- $spread := has $component (list "api" "worker" "nginx") }}
{{- $own := dict "matchLabels" (include "flask-scale.selectorLabels" (list $root $component) | fromYaml) }}
{{- if $values.affinity }}
affinity: {{- toYaml $values.affinity | nindent 2 }}
{{- else if $spread }}
{{- /* Zones by affinity: spread constraints count for no node that lacks one of their labels, as where there are no zones. */}}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: topology.kubernetes.io/zone
          labelSelector:
            {{- toYaml $own | nindent 12 }}
{{- end }}
{{- if $spread }}
{{- /* Each revision for itself: beside the old pods of a rollout the new ones would share a node, and stay there. */}}
{{- $among := dict "labelSelector" $own "matchLabelKeys" (list "pod-template-hash") }}
{{- $nodes := dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway" }}
topologySpreadConstraints:
{{- range $values.topologySpreadConstraints | default (list $nodes) }}
  - {{- toYaml (merge (deepCopy .) $among) | nindent 4 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The preStop hook, in which a pod serves on while proxies learn of its end: (list $ seconds). */}}
{{- define "flask-scale.preStop" -}}
{{- $seconds := int (index . 1) -}}
{{- if $seconds -}}
lifecycle:
  preStop:
    {{- if semverCompare ">=1.30.0-0" (index . 0).Capabilities.KubeVersion.Version }}
    sleep:
      seconds: {{ $seconds }}
    {{- else }}
    exec:
      command: [sleep, {{ $seconds | quote }}]
    {{- end }}
{{- end -}}
{{- end -}}
