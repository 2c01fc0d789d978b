{{/* Connections to PostgreSQL that all pods may open, a rollout's extra ones included, against 80% of what it allows. */}}
{{- define "flask-scale.connectionErrors" -}}
{{- $limit := ternary .Values.postgresql.maxConnections .Values.externalPostgresql.maxConnections .Values.postgresql.enabled | int -}}
{{- if and (include "flask-scale.hasDatabase" .) $limit -}}
{{- $api := .Values.api -}}
{{- $processes := include "flask-scale.setting" (list . $api "WORKERS" 4) | int -}}
{{- $pool := add (include "flask-scale.setting" (list . $api "POOL_SIZE" 10) | int) (include "flask-scale.setting" (list . $api "MAX_OVERFLOW" 5) | int) -}}
{{- $pods := add (include "flask-scale.most" (list . $api) | int) 1 -}}
{{- $wanted := mul $pods $processes $pool -}}
{{- if .Values.worker.enabled -}}
{{- /* a job's own connection, its heartbeat's and one for what it reads; two for the process that leads */ -}}
{{- $jobs := include "flask-scale.setting" (list . .Values.worker "WORKER_CONCURRENCY" 2) | int -}}
{{- $wanted = add $wanted (mul (add (include "flask-scale.most" (list . .Values.worker) | int) 1) (add 2 (mul 3 $jobs))) -}}
{{- end -}}
{{- $wanted = add $wanted 2 -}}
{{- if gt (mul $wanted 10) (mul $limit 8) -}}
- {{ printf "Connections: %d API pods x %d gunicorn workers x %d, with the Celery workers', are up to %d, over 80%% of %s.maxConnections=%d. Raise it, or lower replicas (autoscaling's maximum), settings.WORKERS or settings.POOL_SIZE and MAX_OVERFLOW, or put PgBouncer in between and set externalPostgresql.maxConnections=0." (int $pods) $processes (int $pool) (int $wanted) (ternary "postgresql" "externalPostgresql" .Values.postgresql.enabled) $limit | quote }}
{{- end -}}
{{- end -}}
{{- end -}}
