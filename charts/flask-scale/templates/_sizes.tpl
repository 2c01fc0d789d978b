{{/* Sizes in bytes, by the units of whoever reads them. */}}

{{/* A Kubernetes quantity of memory; 0 where it is none. */}}
{{- define "flask-scale.bytes" -}}
{{- $units := dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "Ki" 0x1p10 "Mi" 0x1p20 "Gi" 0x1p30 "Ti" 0x1p40 "Pi" 0x1p50 -}}
{{- include "flask-scale.inBytes" (list . $units) -}}
{{- end -}}

{{/* A size of redis.conf. */}}
{{- define "flask-scale.redisBytes" -}}
{{- $units := dict "" 1 "k" 1e3 "m" 1e6 "g" 1e9 "kb" 0x1p10 "mb" 0x1p20 "gb" 0x1p30 -}}
{{- include "flask-scale.inBytes" (list (lower .) $units) -}}
{{- end -}}

{{/* A size of nginx.conf. */}}
{{- define "flask-scale.nginxBytes" -}}
{{- include "flask-scale.inBytes" (list (lower .) (dict "" 1 "k" 0x1p10 "m" 0x1p20 "g" 0x1p30)) -}}
{{- end -}}

{{/* A number with one of some units: (list "3k" (dict "k" 1e3)). */}}
{{- define "flask-scale.inBytes" -}}
{{- $text := toString (index . 0) -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- mulf (trimSuffix $unit $text | float64) (get (index . 1) $unit | default 0) | int64 -}}
{{- end -}}

{{/* "true" where nginx keeps responses. */}}
{{- define "flask-scale.nginx.caches" -}}
{{- if include "flask-scale.setting" (list . .Values.api "CACHE_EDGE_SECONDS" 0) | int }}true{{ end -}}
{{- end -}}

{{/* Bytes of nginx's /tmp that bodies may take: what the cache leaves. */}}
{{- define "flask-scale.nginx.room" -}}
{{- $kept := include "flask-scale.nginx.caches" . | empty | ternary "0" .Values.nginx.cacheSize -}}
{{- sub (include "flask-scale.bytes" .Values.nginx.tmpSizeLimit | int64) (include "flask-scale.nginxBytes" $kept | int64) -}}
{{- end -}}

{{/* How many of the largest bodies that room holds, up to nginx's own bound. */}}
{{- define "flask-scale.nginx.largeBodies" -}}
{{- div (include "flask-scale.nginx.room" .) (include "flask-scale.nginxBytes" .Values.nginx.maxBodySize | int64 | max 1) | min 65535 -}}
{{- end -}}
