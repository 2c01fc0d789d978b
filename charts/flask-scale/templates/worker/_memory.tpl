{{/* Memory of a worker without its jobs: its processes at rest, and room for what they share. */}}
{{- define "flask-scale.workerBytes" -}}268435456{{- end -}}

{{/* Least memory of a job that is worth a limit. */}}
{{- define "flask-scale.leastJobBytes" -}}67108864{{- end -}}

{{/*
Bytes that each job may take at most, unless a setting says so: its share of the pod's limit. Empty without a limit, or
where it leaves too little. A job over it fails alone; over the pod's limit the kernel ends the container with all jobs.
*/}}
{{- define "flask-scale.jobBytes" -}}
{{- $limit := dig "limits" "memory" "" (.Values.worker.resources | default dict) | include "flask-scale.bytes" | int64 -}}
{{- $jobs := include "flask-scale.setting" (list . .Values.worker "WORKER_CONCURRENCY" 2) | int64 -}}
{{- $share := div (sub $limit (include "flask-scale.workerBytes" . | int64)) $jobs -}}
{{- if ge $share (include "flask-scale.leastJobBytes" . | int64) -}}{{ $share }}{{- end -}}
{{- end -}}
