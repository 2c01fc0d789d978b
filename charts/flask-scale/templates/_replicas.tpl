{{/* How many pods a component has, and who says so. */}}

{{/* "true" where an autoscaler owns the number of API and worker pods. */}}
{{- define "flask-scale.autoscaled" -}}
{{- if ne .Values.autoscaling.provider "none" }}true{{ end -}}
{{- end -}}

{{/* The fewest pods that API or worker is meant to have: (list $ .Values.api). */}}
{{- define "flask-scale.fewest" -}}
{{- $values := index . 1 -}}
{{- not (empty (include "flask-scale.autoscaled" (index . 0))) | ternary $values.autoscaling.minReplicas ($values.replicaCount | default 1) | int -}}
{{- end -}}

{{/* The most: (list $ .Values.api). */}}
{{- define "flask-scale.most" -}}
{{- $values := index . 1 -}}
{{- not (empty (include "flask-scale.autoscaled" (index . 0))) | ternary $values.autoscaling.maxReplicas ($values.replicaCount | default 1) | int -}}
{{- end -}}

{{/*
The `replicas` line of a Deployment that no autoscaler owns: (list $ "name" $replicaCount).
Helm would set its own number back over that of `kubectl scale`. So the number that is live stays, as long as
the value is what the annotation says it was at the last install or upgrade.
*/}}
{{- define "flask-scale.replicas" -}}
{{- $count := index . 2 -}}
{{- if not (kindIs "invalid" $count) -}}
{{- $live := lookup "apps/v1" "Deployment" (index . 0).Release.Namespace (index . 1) -}}
{{- $last := dig "metadata" "annotations" "flask-scale/replica-count" "" ($live | default dict) -}}
{{- if eq $last (int $count | toString) -}}
{{- $count = $live.spec.replicas -}}
{{- end -}}
replicas: {{ int $count }}
{{- end -}}
{{- end -}}

{{/* The annotation that `flask-scale.replicas` reads: its $replicaCount. */}}
{{- define "flask-scale.replicaCountAnnotation" -}}
{{- if not (kindIs "invalid" .) -}}
flask-scale/replica-count: {{ int . | quote }}
{{- end -}}
{{- end -}}
