{{/* What the autoscalers of API and worker share. */}}

{{/* "true" where an autoscaler asks for more than CPU. */}}
{{- define "flask-scale.asksMetrics" -}}
{{- with .Values -}}
{{- $api := list .api.autoscaling.requestsPerSecond .api.autoscaling.inFlightPercent -}}
{{- $worker := ternary (list .worker.autoscaling.queueDepth .worker.autoscaling.oldestAgeSeconds) list .worker.enabled -}}
{{- if and (ne .autoscaling.provider "none") (concat $api $worker | compact) }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/* "true" where the bundled Prometheus answers them. */}}
{{- define "flask-scale.bundledPrometheus" -}}
{{- $hpa := eq .Values.autoscaling.provider "hpa" -}}
{{- if and .Values.metrics.bundled.enabled (include "flask-scale.asksMetrics" .) (or $hpa (not .Values.autoscaling.prometheusAddress)) }}true{{ end -}}
{{- end -}}

{{/* "true" where the bundled adapter makes its answers the custom metrics API. */}}
{{- define "flask-scale.bundledAdapter" -}}
{{- if and (include "flask-scale.bundledPrometheus" .) (eq .Values.autoscaling.provider "hpa") }}true{{ end -}}
{{- end -}}

{{/*
Three scrapes of the bundled Prometheus, which an irate is within: it takes the last two, so that a step in the load
is seen whole within ten seconds, and one may fail.
*/}}
{{- define "flask-scale.rateWindow" -}}
{{- .Values.metrics.bundled.scrapeInterval | trimSuffix "s" | int | mul 3 -}}s
{{- end -}}

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
  {{- include "flask-scale.behavior" . | nindent 2 }}
{{- end -}}

{{/*
How fast the number changes: (list $ "api" .Values.api.autoscaling). Up at once, since three times the load is to
meet enough pods. Down slowly for the API, whose load may come back; for the workers at once, after a while without
need: a queue that is empty gives no half load. A half that is given replaces that half.
*/}}
{{- define "flask-scale.behavior" -}}
{{- $autoscaling := index . 2 -}}
{{- $given := $autoscaling.behavior | default dict -}}
scaleUp:
  {{- with $given.scaleUp }}
  {{- toYaml . | nindent 2 }}
  {{- else }}
  stabilizationWindowSeconds: 0
  policies:
    - {type: Percent, value: 300, periodSeconds: 15}
    - {type: Pods, value: 4, periodSeconds: 15}
  {{- end }}
scaleDown:
  {{- with $given.scaleDown }}
  {{- toYaml . | nindent 2 }}
  {{- else }}
  stabilizationWindowSeconds: {{ int $autoscaling.scaleDownStabilizationSeconds }}
  policies:
    - {{ ternary "{type: Pods, value: 1, periodSeconds: 60}" "{type: Percent, value: 100, periodSeconds: 15}" (eq (index . 1) "api") }}
  {{- end }}
{{- end -}}

{{/*
CPU that an autoscaler aims at, in percent of the request: (list $ .Values.api.autoscaling). Nothing where the
cluster does not serve CPU, unless it is all that there is to aim at.
*/}}
{{- define "flask-scale.cpuTarget" -}}
{{- $autoscaling := index . 1 -}}
{{- $others := pick $autoscaling "requestsPerSecond" "inFlightPercent" "queueDepth" "oldestAgeSeconds" | values | compact -}}
{{- if and $autoscaling.cpuPercent (or (not $others) ((index . 0).Capabilities.APIVersions.Has "metrics.k8s.io/v1beta1")) -}}
{{- int $autoscaling.cpuPercent -}}
{{- end -}}
{{- end -}}

{{/* The same as a metric of a HorizontalPodAutoscaler. */}}
{{- define "flask-scale.cpuMetric" -}}
{{- with include "flask-scale.cpuTarget" . -}}
- type: Resource
  resource:
    name: cpu
    target:
      type: Utilization
      averageUtilization: {{ . }}
{{- end -}}
{{- end -}}

{{/* The same as a trigger of KEDA. */}}
{{- define "flask-scale.cpuTrigger" -}}
{{- with include "flask-scale.cpuTarget" . -}}
- type: cpu
  metricType: Utilization
  metadata:
    value: {{ quote . }}
{{- end -}}
{{- end -}}

{{/* Requests in flight a pod that the autoscaler aims at. */}}
{{- define "flask-scale.inFlightTarget" -}}
{{- $limit := include "flask-scale.setting" (list . .Values.api "MAX_IN_FLIGHT" 512) | int -}}
{{- div (mul $limit (int .Values.api.autoscaling.inFlightPercent)) 100 | max 1 -}}
{{- end -}}

{{/* A Prometheus trigger of KEDA: (list $ "query" threshold "metricType"). No answer is no zero: nothing is scaled by it. */}}
{{- define "flask-scale.trigger" -}}
- type: prometheus
  metricType: {{ index . 3 }}
  metadata:
    serverAddress: {{ (index . 0).Values.autoscaling.prometheusAddress | default (printf "http://%s-prometheus.%s.svc:9090" (include "flask-scale.fullname" (index . 0)) (index . 0).Release.Namespace) }}
    query: {{ index . 1 }}
    threshold: {{ index . 2 | quote }}
    ignoreNullValues: "false"
{{- end -}}

{{/* PromQL's selector of this release's pods: (list $ "api"), with more: (list $ "api" "status=~\"5..\""). */}}
{{- define "flask-scale.series" -}}
{{- $root := index . 0 -}}
{{- $matchers := list (printf "namespace=%q" $root.Release.Namespace) (printf "pod=~%q" (printf "%s-%s-.*" (include "flask-scale.fullname" $root) (index . 1))) -}}
{{- printf "{%s}" (concat $matchers (slice . 2) | join ",") -}}
{{- end -}}
