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

{{/* A Kubernetes quantity of memory in bytes; 0 where it is none. */}}
{{- define "flask-scale.bytes" -}}
{{- $units := dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "Ki" 0x1p10 "Mi" 0x1p20 "Gi" 0x1p30 "Ti" 0x1p40 "Pi" 0x1p50 -}}
{{- $text := toString . -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- mulf (trimSuffix $unit $text | float64) (get $units $unit | default 0) | int64 -}}
{{- end -}}
