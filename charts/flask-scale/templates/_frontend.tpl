{{/* The Service that Ingress and HTTPRoute lead to, and its port, as YAML. */}}
{{- define "flask-scale.frontend" -}}
{{- $name := include "flask-scale.fullname" . -}}
{{- if .Values.nginx.enabled -}}
name: {{ $name }}-nginx
port: {{ int .Values.nginx.service.port }}
{{- else -}}
name: {{ $name }}-api
port: 80
{{- end -}}
{{- end -}}
