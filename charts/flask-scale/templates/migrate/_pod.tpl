{{/* The pod template of the migrations: the API's image and environment. */}}
{{- define "flask-scale.migrate.pod" -}}
{{- $api := .Values.api -}}
metadata:
  labels:
    {{- include "flask-scale.stablePodLabels" (list . "migrate") | nindent 4 }}
spec:
  {{- include "flask-scale.scheduling" (list . "migrate" $api) | nindent 2 }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  restartPolicy: OnFailure
  securityContext:
    {{- include "flask-scale.podSecurityContext" (list (include "flask-scale.appUser" . | fromYaml) $api.podSecurityContext) | nindent 4 }}
  containers:
    - name: migrate
      args: {{- toYaml (.Values.migrations.args | default (list "migrate")) | nindent 8 }}
      {{- include "flask-scale.appContainer" (list . "migrate" $api) | nindent 6 }}
      resources:
        {{- toYaml .Values.migrations.resources | nindent 8 }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- with $api.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
