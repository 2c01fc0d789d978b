{{/* What the pods of API, worker and migrations have in common: they run the app. */}}

{{/* Settings that the chart gives to pods, under their names without FLASK_SCALE_: (list $ "api"). */}}
{{- define "flask-scale.ownSettings" -}}
{{- with index . 0 -}}
BIND: "0.0.0.0:8000"
INTERNAL_BIND: "0.0.0.0:8001"
WORKER_INTERNAL_BIND: "0.0.0.0:8002"
# Deployments that share a Redis each have their own keys.
CACHE_PREFIX: {{ printf "fs:%s:" (printf "%s/%s" .Release.Namespace .Release.Name | sha256sum | trunc 8) | quote }}
{{- with .Values.migrations.path }}
MIGRATIONS: {{ quote . }}
{{- end }}
{{- if and (include "flask-scale.migrated" .) (ne (index $ 1) "migrate") }}
WAIT_FOR_MIGRATIONS_SECONDS: {{ int .Values.migrations.activeDeadlineSeconds | quote }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* Settings that a value may replace: the API's proxies have an address of the cluster's own networks. (list $ "api"). */}}
{{- define "flask-scale.defaultSettings" -}}
FORWARDED_ALLOW_IPS: 10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,fc00::/7
{{- if eq (index . 1) "worker" }}
{{- with include "flask-scale.jobBytes" (index . 0) }}
JOB_MAX_MEMORY_BYTES: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* All settings of a component, merged: (list $ "api" .Values.api). */}}
{{- define "flask-scale.settings" -}}
{{- $root := index . 0 -}}
{{- $settings := include "flask-scale.defaultSettings" . | fromYaml -}}
{{- range list $root.Values.settings (index . 2).settings -}}
{{- $settings = mergeOverwrite $settings (. | default dict | deepCopy) -}}
{{- end -}}
{{- mergeOverwrite $settings (include "flask-scale.ownSettings" . | fromYaml) | toYaml -}}
{{- end -}}

{{/* One setting's value, or the library's default: (list $ .Values.api "WORKERS" 4). */}}
{{- define "flask-scale.setting" -}}
{{- $settings := dict -}}
{{- range list (index . 0).Values.settings (index . 1).settings -}}
{{- $settings = mergeOverwrite $settings (. | default dict | deepCopy) -}}
{{- end -}}
{{- hasKey $settings (index . 2) | ternary (get $settings (index . 2)) (index . 3) | include "flask-scale.text" -}}
{{- end -}}

{{/* The environment of a component's container: (list $ "api" .Values.api). */}}
{{- define "flask-scale.env" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
env:
  {{- with include (eq (index . 1) "migrate" | ternary "flask-scale.databaseEnv" "flask-scale.connectionEnv") $root }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- range $name, $value := include "flask-scale.settings" . | fromYaml }}
  - name: FLASK_SCALE_{{ $name }}
    value: {{ include "flask-scale.text" $value | quote }}
  {{- end }}
  {{- with $values.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $values.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A value as text; YAML's numbers are floats, and would read 1e+06. */}}
{{- define "flask-scale.text" -}}
{{- if kindIs "float64" . -}}
{{- eq (floor .) (float64 .) | ternary (int64 .) . -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{/* A container of the app, up to its ports and probes: (list $ "api" .Values.api), or "migrate" with the API's. */}}
{{- define "flask-scale.appContainer" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
image: {{ include "flask-scale.image" (list $root $values.image) }}
imagePullPolicy: {{ $values.image.pullPolicy }}
{{ include "flask-scale.env" . }}
securityContext:
  {{- include "flask-scale.securityContext" $values.securityContext | nindent 2 }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- with $values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* "true" where pods wait for the schema. */}}
{{- define "flask-scale.migrated" -}}
{{- if and (include "flask-scale.hasDatabase" .) (ne .Values.migrations.mode "none") }}true{{ end -}}
{{- end -}}

{{/* Seconds that a pod may take to start: a minute, and the time that migrations may take. */}}
{{- define "flask-scale.startupSeconds" -}}
{{- include "flask-scale.migrated" . | empty | ternary 0 (int .Values.migrations.activeDeadlineSeconds) | add 60 -}}
{{- end -}}

{{/* Seconds after which a rollout that does not go on is given up, ten minutes or more: (list $ .Values.api). */}}
{{- define "flask-scale.progressDeadlineSeconds" -}}
{{- include "flask-scale.startupSeconds" (index . 0) | int | max 600 | add (int (index . 1).minReadySeconds) -}}
{{- end -}}

{{/*
The pod template of API or worker: (dict "root" $ "component" "api" "values" .Values.api "command" "serve" "ports" $ports "probes" $probes),
where ports and probes are what the chart gives: [{name, containerPort}] and {readiness, liveness}.
*/}}
{{- define "flask-scale.appPod" -}}
{{- $root := .root -}}
{{- $values := .values -}}
metadata:
  labels:
    {{- include "flask-scale.stablePodLabels" (list $root .component $values.podLabels) | nindent 4 }}
  annotations:
    {{- $own := dict "kubectl.kubernetes.io/default-container" .component }}
    {{- $checksums := dict "checksum/connections" (include "flask-scale.secretChecksum" $root) }}
    {{- mergeOverwrite $own ($values.podAnnotations | default dict | deepCopy) $checksums | toYaml | nindent 4 }}
spec:
  {{- include "flask-scale.scheduling" (list $root .component $values) | nindent 2 }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ int $values.terminationGracePeriodSeconds }}
  securityContext:
    {{- include "flask-scale.podSecurityContext" (list (include "flask-scale.appUser" . | fromYaml) $values.podSecurityContext) | nindent 4 }}
  {{- /* `serve` and `worker` wait for the schema themselves, which saves the start of one more container. */}}
  {{- $migrated := include "flask-scale.migrated" $root }}
  {{- $gate := and $migrated (or $values.command $values.args) }}
  {{- if or $gate $values.extraInitContainers }}
  initContainers:
    {{- if $gate }}
    - name: wait-for-migrations
      args: [migrate, --check, --wait, {{ int $root.Values.migrations.activeDeadlineSeconds | quote }}]
      {{- include "flask-scale.appContainer" (list $root .component $values) | nindent 6 }}
      resources:
        {{- toYaml $root.Values.migrations.resources | nindent 8 }}
    {{- end }}
    {{- with $values.extraInitContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ .component }}
      {{- with $values.command }}
      command: {{- toYaml . | nindent 8 }}
      {{- end }}
      args: {{- toYaml ($values.args | default (list .command $values.app)) | nindent 8 }}
      {{- include "flask-scale.appContainer" (list $root .component $values) | nindent 6 }}
      ports:
        {{- toYaml .ports | nindent 8 }}
      {{- $seconds := include "flask-scale.startupSeconds" $root | int }}
      {{- $startup := dict "httpGet" .probes.liveness.httpGet "periodSeconds" 1 "timeoutSeconds" 5 "failureThreshold" $seconds }}
      {{- range $name, $probe := merge .probes (dict "startup" $startup) }}
      {{ $name }}Probe:
        {{- toYaml (get $values.probes $name | default $probe) | nindent 8 }}
      {{- end }}
      {{- with include "flask-scale.preStop" (list $root $values.preStopSeconds) }}
      {{- . | nindent 6 }}
      {{- end }}
      resources:
        {{- toYaml $values.resources | nindent 8 }}
    {{- with $values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: {{ $values.tmpSizeLimit }}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* The user of the images, in the group that may be any user's. */}}
{{- define "flask-scale.appUser" -}}
runAsUser: 10001
runAsGroup: 0
fsGroup: 0
{{- end -}}
