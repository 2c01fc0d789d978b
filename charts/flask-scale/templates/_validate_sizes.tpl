{{/* What is kept in a size that holds less, as YAML. */}}
{{- define "flask-scale.sizeErrors" -}}
{{- if .Values.redis.enabled -}}
{{- range $role := list "broker" "cache" -}}
{{- $redis := get $.Values.redis $role -}}
{{- $limit := dig "limits" "memory" "" ($redis.resources | default dict) -}}
{{- $bytes := include "flask-scale.bytes" $limit | int64 -}}
{{- $kept := include "flask-scale.redisBytes" $redis.maxmemory | int64 -}}
{{- if and $bytes (or (not $kept) (gt (mul 4 $kept) (mul 3 $bytes))) }}
- {{ printf "redis.%s.maxmemory=%s (0 is no bound) must be at most three quarters of redis.%s.resources.limits.memory=%v, or the kernel ends Redis before it is full: lower it, or raise the limit." $role $redis.maxmemory $role $limit | quote }}
{{- end -}}
{{- end -}}
{{- with .Values.redis.broker -}}
{{- if and .persistence.enabled (lt (include "flask-scale.bytes" .persistence.size | int64) (include "flask-scale.redisBytes" .maxmemory | int64 | mul 2)) }}
- {{ printf "redis.broker.persistence.size=%v must be at least twice redis.broker.maxmemory=%s, for the append-only file and the one that replaces it: raise it, or lower maxmemory." .persistence.size .maxmemory | quote }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.nginx -}}
{{- $body := include "flask-scale.nginxBytes" .maxBodySize | int64 -}}
{{- $room := include "flask-scale.nginx.room" $ | int64 -}}
{{- if and .enabled (or (not $body) (le $room $body)) }}
- {{ printf "nginx.maxBodySize=%s (0 is no bound)%s must be below nginx.tmpSizeLimit=%v, or Kubernetes evicts an nginx whose /tmp is full: lower what is kept, or raise the limit." .maxBodySize (include "flask-scale.nginx.caches" $ | empty | ternary "" (printf " and nginx.cacheSize=%s together" .cacheSize)) .tmpSizeLimit | quote }}
{{- end -}}
{{- end -}}
{{- end -}}
