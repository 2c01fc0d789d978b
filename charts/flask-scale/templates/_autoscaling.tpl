{{/* What the autoscalers of API and worker share. */}}

{{/* Target, bounds and behavior of a HorizontalPodAutoscaler: (list $ "api" .Values.api.autoscaling). */}}
{{- define "flask-scale.scaled" -}}
{{- $autoscaling := index . 2 -}}
scaleTargetRef:
  apiVersion: apps/v1
  kind: Deployment
  name: {{ include "flask-scale.fullname" (index . 0) }}-{{ index . 1 }}
minReplicas: {{ int $autoscaling.minReplicas }}
maxReplicas: {{ int $autoscaling.maxReplicas }}
behavior:
  {{- $autoscaling.behavior | default (include "flask-scale.behavior" . | fromYaml) | toYaml | nindent 2 }}
{{- end -}}

{{/* Up at once, twice as many at most; down by one pod a minute, to the highest need of five. */}}
{{- define "flask-scale.behavior" -}}
scaleUp:
  stabilizationWindowSeconds: 0
  policies:
    - {type: Percent, value: 100, periodSeconds: 15}
    - {type: Pods, value: 2, periodSeconds: 15}
scaleDown:
  stabilizationWindowSeconds: 300
  policies:
    - {type: Pods, value: 1, periodSeconds: 60}
{{- end -}}

{{- define "flask-scale.cpuMetric" -}}
{{- with . -}}
- type: Resource
  resource:
    name: cpu
    target:
      type: Utilization
      averageUtilization: {{ int . }}
{{- end -}}
{{- end -}}

{{/* Requests in flight a pod that the autoscaler aims at. */}}
{{- define "flask-scale.inFlightTarget" -}}
{{- $limit := include "flask-scale.setting" (list . .Values.api "MAX_IN_FLIGHT" 512) | int -}}
{{- div (mul $limit (int .Values.api.autoscaling.inFlightPercent)) 100 | max 1 -}}
{{- end -}}

{{/* A Prometheus trigger of KEDA: (list $ "query" threshold "metricType"). */}}
{{- define "flask-scale.trigger" -}}
- type: prometheus
  metricType: {{ index . 3 }}
  metadata:
    serverAddress: {{ (index . 0).Values.autoscaling.prometheusAddress }}
    query: {{ index . 1 }}
    threshold: {{ index . 2 | quote }}
{{- end -}}

{{/* PromQL's selector of the API's pods. */}}
{{- define "flask-scale.apiSeries" -}}
{{- printf "{namespace=%q,pod=~%q}" .Release.Namespace (printf "%s-api-.*" (include "flask-scale.fullname" .)) -}}
{{- end -}}
