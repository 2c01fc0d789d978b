{{/* How many pods a component has, and who says so. */}}

{{/* "true" where an autoscaler owns the number of API and worker pods. */}}
{{- define "flask-scale.autoscaled" -}}
{{- if ne .Values.autoscaling.provider "none" }}true{{ end -}}
{{- end -}}

{{/* The most pods that API or worker is meant to have: (list $ .Values.api). */}}
{{- define "flask-scale.most" -}}
{{- $values := index . 1 -}}
{{- not (empty (include "flask-scale.autoscaled" (index . 0))) | ternary $values.autoscaling.maxReplicas (kindIs "invalid" $values.replicaCount | ternary 1 $values.replicaCount) | int -}}
{{- end -}}

{{/*
How many pods a Deployment is told to have, and what the next upgrade must know of it, as YAML:
(list $ "api" .Values.api) gives `replicas`, or nothing where it is left alone, and `annotations`.
Helm would set its own number over that of `kubectl scale` or of an autoscaler, and a number that is taken out of
the manifest makes Kubernetes fall back to one pod. So
- the live number stays as long as the value is what it was at the last install or upgrade;
- where nothing but an autoscaler ever said a number, none is said (a rollback would bring an old one back);
- where one was said, the live number is said ever after.
*/}}
{{- define "flask-scale.replicas" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
{{- $autoscaled := and (ne (index . 1) "nginx") (include "flask-scale.autoscaled" $root) -}}
{{- $given := not (kindIs "invalid" $values.replicaCount) -}}
{{- $deployment := lookup "apps/v1" "Deployment" $root.Release.Namespace (printf "%s-%s" (include "flask-scale.fullname" $root) (index . 1)) -}}
{{- $last := dig "metadata" "annotations" dict ($deployment | default dict) -}}
{{- $lastOwner := get $last "flask-scale/replicas" -}}
{{- $annotations := dict -}}
{{- if $given -}}
{{- $_ := set $annotations "flask-scale/replica-count" (int $values.replicaCount | toString) -}}
{{- end -}}
{{- $live := dig "spec" "replicas" 0 ($deployment | default dict) | int -}}
{{- $replicas := "" -}}
{{- if and $given (not $autoscaled) -}}
  {{- $replicas = int $values.replicaCount | toString -}}
  {{- $same := eq (get $last "flask-scale/replica-count") $replicas -}}
  {{- /* none at all is KEDA's doing, and without it nobody would start them again */ -}}
  {{- if and $same (or $live (not (contains "autoscaled" $lastOwner))) -}}
  {{- $replicas = toString $live -}}
  {{- end -}}
{{- else if and $deployment (not $live) $autoscaled (eq $root.Values.autoscaling.provider "hpa") -}}
  {{- /* a HorizontalPodAutoscaler leaves a Deployment of no pods alone */ -}}
  {{- $replicas = int $values.autoscaling.minReplicas | toString -}}
{{- else if contains "set" $lastOwner -}}
  {{- $replicas = toString $live -}}
{{- end -}}
{{- with list (ternary "set" "" (ne $replicas "")) (ternary "autoscaled" "" (not (empty $autoscaled))) | compact -}}
{{- $_ := set $annotations "flask-scale/replicas" (join "-" .) -}}
{{- end -}}
annotations: {{ toJson $annotations }}
{{- with $replicas }}
replicas: {{ . }}
{{- end -}}
{{- end -}}
