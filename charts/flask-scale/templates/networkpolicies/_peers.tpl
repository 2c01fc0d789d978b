{{/* Pods of a component, as a NetworkPolicy peer: (list $ "api"). */}}
{{- define "flask-scale.peer" -}}
- podSelector:
    matchLabels:
      {{- include "flask-scale.selectorLabels" . | nindent 6 }}
{{- end -}}

{{/* The start of a NetworkPolicy of a component: (list $ "api"). */}}
{{- define "flask-scale.policyHead" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "flask-scale.fullname" (index . 0) }}-{{ index . 1 }}
  labels:
    {{- include "flask-scale.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "flask-scale.selectorLabels" . | nindent 6 }}
{{- end -}}

{{/* Ingress rule: anyone, or allowFrom and the pod of `helm test`, at a port: (list $ 8080). */}}
{{- define "flask-scale.fromClients" -}}
{{- $root := index . 0 -}}
- ports:
    - port: {{ index . 1 }}
  {{- with $root.Values.networkPolicy.allowFrom }}
  from:
    {{- toYaml . | nindent 4 }}
    {{- include "flask-scale.peer" (list $root "test") | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Ingress rule: who scrapes metrics at a port: (list $ 8001). */}}
{{- define "flask-scale.fromScrapers" -}}
- ports:
    - port: {{ index . 1 }}
  from:
    {{- toYaml ((index . 0).Values.networkPolicy.allowMetricsFrom | default (list (dict "namespaceSelector" (dict)))) | nindent 4 }}
{{- end -}}

{{/* Egress rules to PostgreSQL, the chart's or another's. */}}
{{- define "flask-scale.toDatabase" -}}
{{- if .Values.postgresql.enabled }}
- to:
    {{- include "flask-scale.peer" (list . "postgresql") | nindent 4 }}
  ports:
    - port: 5432
{{- else if include "flask-scale.hasDatabase" . }}
{{- include "flask-scale.toAnywhere" .Values.externalPostgresql.ports }}
{{- end }}
{{- end -}}

{{/* Egress rules to broker and cache, the chart's or another's. */}}
{{- define "flask-scale.toRedis" -}}
{{- if .Values.redis.enabled }}
- to:
    {{- include "flask-scale.peer" (list . "redis-broker") | nindent 4 }}
    {{- include "flask-scale.peer" (list . "redis-cache") | nindent 4 }}
  ports:
    - port: 6379
{{- else if or (include "flask-scale.hasBroker" .) (include "flask-scale.hasCache" .) }}
{{- include "flask-scale.toAnywhere" .Values.externalRedis.ports }}
{{- end }}
{{- end -}}

{{/* Egress rule: any address, in the cluster too (where some networks do not count pods to an ipBlock). */}}
{{- define "flask-scale.toAnywhere" }}
- to:
    - ipBlock: {cidr: 0.0.0.0/0}
    - ipBlock: {cidr: "::/0"}
    - namespaceSelector: {}
  ports:
    {{- range . }}
    - port: {{ int . }}
    {{- end }}
{{- end -}}

{{/* Egress rules of API and worker. */}}
{{- define "flask-scale.appEgress" -}}
{{- $rules := list (include "flask-scale.toDatabase" .) (include "flask-scale.toRedis" .) -}}
{{- with .Values.networkPolicy.extraEgress -}}
{{- $rules = append $rules (toYaml .) -}}
{{- end -}}
{{- range $rules -}}
{{- with trim . }}
{{ . }}
{{- end -}}
{{- end -}}
{{- end -}}
