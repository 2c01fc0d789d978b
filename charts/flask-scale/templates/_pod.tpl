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
{{- with $values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if has $component (list "api" "worker" "nginx") }}
{{- $selector := dict "matchLabels" (include "flask-scale.selectorLabels" (list $root $component) | fromYaml) }}
{{- $spread := $values.topologySpreadConstraints }}
{{- if not $spread }}
{{- $spread = list }}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
{{- $spread = append $spread (dict "maxSkew" 1 "topologyKey" $key "whenUnsatisfiable" "ScheduleAnyway") }}
{{- end }}
{{- end }}
topologySpreadConstraints:
{{- range $spread }}
  - {{- toYaml (merge (deepCopy .) (dict "labelSelector" $selector)) | nindent 4 }}
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
