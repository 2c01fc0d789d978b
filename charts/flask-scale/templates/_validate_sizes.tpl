{{/* What is kept in a size that holds less, as YAML. */}}
{{- define "flask-scale.sizeErrors" -}}
{{- if .Values.redis.enabled -}}
{{- range $role := list "broker" "cache" -}}
{{- $redis := get $.Values.redis $role -}}
{{- $limit := dig "limits" "memory" "" ($redis.resources | default dict) -}}
{{- $bytes := include "flask-scale.bytes" $limit | int64 -}}
{{- $kept := include "flask-scale.redisBytes" $redis.maxmemory | int64 -}}
{{- if and $bytes (or (not $kept) (ge $kept $bytes)) }}
- {{ printf "redis.%s.maxmemory=%s (0 is no bound) must be well below redis.%s.resources.limits.memory=%v, or the kernel ends Redis before it is full: lower it, or raise the limit." $role $redis.maxmemory $role $limit | quote }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.nginx -}}
{{- $caches := include "flask-scale.setting" (list $ $.Values.api "CACHE_EDGE_SECONDS" 0) | int -}}
{{- if and .enabled $caches (ge (include "flask-scale.nginxBytes" .cacheSize | int64) (include "flask-scale.bytes" .tmpSizeLimit | int64)) }}
- {{ printf "nginx.cacheSize=%s must be below nginx.tmpSizeLimit=%v, or Kubernetes evicts an nginx whose cache is full: lower it, or raise the limit." .cacheSize .tmpSizeLimit | quote }}
{{- end -}}
{{- end -}}
{{- end -}}
