{{/* Passwords and addresses of Redis and PostgreSQL, and how API, worker and migrations learn of them. */}}

{{- define "flask-scale.hasDatabase" -}}
{{- with .Values -}}
{{- if or .postgresql.enabled .externalPostgresql.url .externalPostgresql.existingSecret }}true{{ end -}}
{{- end -}}
{{- end -}}

{{- define "flask-scale.hasBroker" -}}
{{- with .Values -}}
{{- if or .redis.enabled .externalRedis.brokerUrl .externalRedis.existingSecret }}true{{ end -}}
{{- end -}}
{{- end -}}

{{- define "flask-scale.hasCache" -}}
{{- with .Values -}}
{{- if or .redis.enabled .externalRedis.cacheUrl .externalRedis.existingSecret }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/* The Secret that holds a password: (list $ .Values.redis.auth). */}}
{{- define "flask-scale.passwordSecret" -}}
{{- (index . 1).existingSecret | default (include "flask-scale.fullname" (index . 0)) -}}
{{- end -}}

{{/* Text as it may stand in a URL. */}}
{{- define "flask-scale.urlEncode" -}}
{{- . | urlquery | replace "+" "%20" -}}
{{- end -}}

{{/* The database's URL with its user info: (list $ "user:password"). */}}
{{- define "flask-scale.databaseUrl" -}}
{{- $root := index . 0 -}}
{{- $database := include "flask-scale.urlEncode" $root.Values.postgresql.auth.database -}}
{{- printf "postgresql://%s@%s-postgresql:5432/%s" (index . 1) (include "flask-scale.fullname" $root) $database -}}
{{- end -}}

{{/* A Redis' URL: (list $ "broker" "password"). */}}
{{- define "flask-scale.redisUrl" -}}
{{- printf "redis://:%s@%s-redis-%s:6379/0" (index . 2) (include "flask-scale.fullname" (index . 0)) (index . 1) -}}
{{- end -}}

{{/* "true" where PostgreSQL has been installed, so that its password stands already. */}}
{{- define "flask-scale.databaseExists" -}}
{{- $name := printf "%s-postgresql" (include "flask-scale.fullname" .) -}}
{{- $volume := lookup "v1" "PersistentVolumeClaim" .Release.Namespace (printf "data-%s-0" $name) -}}
{{- if or $volume (lookup "apps/v1" "StatefulSet" .Release.Namespace $name) }}true{{ end -}}
{{- end -}}

{{/* A key of a Secret on the cluster, or nothing: (list $ "secret" "key"). */}}
{{- define "flask-scale.storedValue" -}}
{{- $secret := lookup "v1" "Secret" (index . 0).Release.Namespace (index . 1) -}}
{{- if $secret -}}
{{- index ($secret.data | default dict) (index . 2) | default "" | b64dec -}}
{{- end -}}
{{- end -}}

{{/* Fails where a Secret of the user's own is on the cluster and lacks a key: (list $ "value's name" "secret" "key"). */}}
{{- define "flask-scale.requireKey" -}}
{{- $secret := lookup "v1" "Secret" (index . 0).Release.Namespace (index . 2) -}}
{{- if and $secret (not (hasKey ($secret.data | default dict) (index . 3))) -}}
{{- fail (printf "%s: the Secret %q has no key %q." (index . 1) (index . 2) (index . 3)) -}}
{{- end -}}
{{- end -}}

{{/* PostgreSQL's password. It is made but once: the server reads it only when its volume is empty. */}}
{{- define "flask-scale.postgresqlPassword" -}}
{{- $name := include "flask-scale.fullname" . -}}
{{- $given := .Values.postgresql.auth.password | default "" -}}
{{- $stored := include "flask-scale.storedValue" (list . $name "postgresql-password") -}}
{{- if and $given $stored (ne $given $stored) (include "flask-scale.databaseExists" .) -}}
{{- fail (printf "postgresql.auth.password: the database has another password already, and a new value does not change it. First change it: kubectl -n %[2]s exec %[1]s-postgresql-0 -- psql -U '%[3]s' -d '%[4]s' -c \"ALTER ROLE ... PASSWORD '...'\"; then write it to the key postgresql-password of the Secret %[1]s; then upgrade with the same value." $name .Release.Namespace .Values.postgresql.auth.username .Values.postgresql.auth.database) -}}
{{- else if $given -}}
{{- $given -}}
{{- else if $stored -}}
{{- $stored -}}
{{- else if include "flask-scale.databaseExists" . -}}
{{- fail (printf "The database data-%[1]s-postgresql-0 in namespace %[2]s exists, but the password that opens it is gone: the Secret %[1]s has no key postgresql-password. Give the old password by postgresql.auth.password; or set a new one with `kubectl -n %[2]s exec %[1]s-postgresql-0 -- psql -U '%[3]s' -d '%[4]s' -c \"ALTER ROLE ... PASSWORD '...'\"` and give that; or delete the StatefulSet %[1]s-postgresql and the volume claim data-%[1]s-postgresql-0, and all data with them." $name .Release.Namespace .Values.postgresql.auth.username .Values.postgresql.auth.database) -}}
{{- else -}}
{{- randAlphaNum 32 -}}
{{- end -}}
{{- end -}}

{{- define "flask-scale.redisPassword" -}}
{{- $stored := include "flask-scale.storedValue" (list . (include "flask-scale.fullname" .) "redis-password") -}}
{{- .Values.redis.auth.password | default $stored | default (randAlphaNum 32) -}}
{{- end -}}

{{/* What the chart's own Secret holds, as YAML; computed once a render, since passwords may be random. */}}
{{- define "flask-scale.secretData" -}}
{{- if not (hasKey . "flaskScaleSecretData") -}}
{{- $data := dict -}}
{{- $external := .Values.externalPostgresql -}}
{{- if .Values.postgresql.enabled -}}
  {{- if not .Values.postgresql.auth.existingSecret -}}
    {{- $password := include "flask-scale.postgresqlPassword" . -}}
    {{- $user := include "flask-scale.urlEncode" .Values.postgresql.auth.username -}}
    {{- $userInfo := printf "%s:%s" $user (include "flask-scale.urlEncode" $password) -}}
    {{- $_ := set $data "postgresql-password" $password -}}
    {{- $_ := set $data "database-url" (include "flask-scale.databaseUrl" (list . $userInfo)) -}}
  {{- end -}}
{{- else if and $external.url (not $external.existingSecret) -}}
  {{- $_ := set $data "database-url" $external.url -}}
{{- end -}}
{{- $external := .Values.externalRedis -}}
{{- if .Values.redis.enabled -}}
  {{- if not .Values.redis.auth.existingSecret -}}
    {{- $password := include "flask-scale.redisPassword" . -}}
    {{- $encoded := include "flask-scale.urlEncode" $password -}}
    {{- $_ := set $data "redis-password" $password -}}
    {{- $_ := set $data "broker-url" (include "flask-scale.redisUrl" (list . "broker" $encoded)) -}}
    {{- $_ := set $data "cache-url" (include "flask-scale.redisUrl" (list . "cache" $encoded)) -}}
  {{- end -}}
{{- else if not $external.existingSecret -}}
  {{- with $external.brokerUrl }}{{ $_ := set $data "broker-url" . }}{{ end -}}
  {{- with $external.cacheUrl }}{{ $_ := set $data "cache-url" . }}{{ end -}}
{{- end -}}
{{- $_ := set . "flaskScaleSecretData" $data -}}
{{- end -}}
{{- toYaml .flaskScaleSecretData -}}
{{- end -}}

{{/* An environment variable from a Secret: (list "NAME" "secret" "key" optional). */}}
{{- define "flask-scale.envFromSecret" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
      {{- if index . 3 }}
      optional: true
      {{- end }}
{{- end -}}

{{/* The environment of API and worker: where Redis and PostgreSQL are. */}}
{{- define "flask-scale.connectionEnv" -}}
{{- list (include "flask-scale.databaseEnv" .) (include "flask-scale.redisEnv" .) | compact | join "\n" -}}
{{- end -}}

{{/* Where PostgreSQL is, which is all that the migrations know. */}}
{{- define "flask-scale.databaseEnv" -}}
{{- $own := include "flask-scale.fullname" . -}}
{{- $env := list -}}

{{- $secret := .Values.postgresql.auth.existingSecret -}}
{{- $external := .Values.externalPostgresql.existingSecret -}}
{{- if and .Values.postgresql.enabled $secret -}}
  {{- include "flask-scale.requireKey" (list . "postgresql.auth.existingSecret" $secret "postgresql-password") -}}
  {{- $url := include "flask-scale.databaseUrl" (list . (include "flask-scale.urlEncode" .Values.postgresql.auth.username)) -}}
  {{- /* libpq takes from PGPASSWORD what the URL lacks: no character needs encoding */ -}}
  {{- $env = append $env (include "flask-scale.envFromSecret" (list "PGPASSWORD" $secret "postgresql-password" false)) -}}
  {{- $env = append $env (printf "- name: FLASK_SCALE_DATABASE_URL\n  value: %s" (quote $url)) -}}
{{- else if include "flask-scale.hasDatabase" . -}}
  {{- if and (not .Values.postgresql.enabled) $external -}}
    {{- include "flask-scale.requireKey" (list . "externalPostgresql.existingSecret" $external "database-url") -}}
    {{- $own = $external -}}
  {{- end -}}
  {{- $env = append $env (include "flask-scale.envFromSecret" (list "FLASK_SCALE_DATABASE_URL" $own "database-url" false)) -}}
{{- end -}}
{{- join "\n" $env -}}
{{- end -}}

{{- define "flask-scale.redisEnv" -}}
{{- $env := list -}}
{{- $own := include "flask-scale.fullname" . -}}
{{- $secret := .Values.redis.auth.existingSecret -}}
{{- $external := .Values.externalRedis.existingSecret -}}
{{- if and .Values.redis.enabled $secret -}}
  {{- include "flask-scale.requireKey" (list . "redis.auth.existingSecret" $secret "redis-password") -}}
  {{- $stored := include "flask-scale.storedValue" (list . $secret "redis-password") -}}
  {{- if and $stored (not (regexMatch "^[A-Za-z0-9._~-]+$" $stored)) -}}
    {{- fail (printf "redis.auth.existingSecret: the redis-password of the Secret %q becomes part of a URL: use letters, digits, and -._~ only." $secret) -}}
  {{- end -}}
  {{- $env = append $env (include "flask-scale.envFromSecret" (list "REDIS_PASSWORD" $secret "redis-password" false)) -}}
  {{- range list "broker" "cache" -}}
    {{- $url := include "flask-scale.redisUrl" (list $ . "$(REDIS_PASSWORD)") -}}
    {{- $env = append $env (printf "- name: FLASK_SCALE_%s_URL\n  value: %s" (upper .) (quote $url)) -}}
  {{- end -}}
{{- else if and (not .Values.redis.enabled) $external -}}
  {{- $env = append $env (include "flask-scale.envFromSecret" (list "FLASK_SCALE_BROKER_URL" $external "broker-url" (not .Values.worker.enabled))) -}}
  {{- $env = append $env (include "flask-scale.envFromSecret" (list "FLASK_SCALE_CACHE_URL" $external "cache-url" true)) -}}
  {{- if .Values.worker.enabled -}}
    {{- include "flask-scale.requireKey" (list . "externalRedis.existingSecret" $external "broker-url") -}}
  {{- end -}}
{{- else -}}
  {{- if include "flask-scale.hasBroker" . -}}
    {{- $env = append $env (include "flask-scale.envFromSecret" (list "FLASK_SCALE_BROKER_URL" $own "broker-url" false)) -}}
  {{- end -}}
  {{- if include "flask-scale.hasCache" . -}}
    {{- $env = append $env (include "flask-scale.envFromSecret" (list "FLASK_SCALE_CACHE_URL" $own "cache-url" false)) -}}
  {{- end -}}
{{- end -}}
{{- join "\n" $env -}}
{{- end -}}

{{/* Which external database there is, as far as a render can know: another one is migrated anew. */}}
{{- define "flask-scale.externalDatabase" -}}
{{- if not .Values.postgresql.enabled -}}
{{- with .Values.externalPostgresql.existingSecret -}}
{{- include "flask-scale.storedValue" (list $ . "database-url") -}}
{{- else -}}
{{- .Values.externalPostgresql.url -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Changes when a connection does, so that pods start anew with it. */}}
{{- define "flask-scale.secretChecksum" -}}
{{- $parts := list (include "flask-scale.secretData" .) (include "flask-scale.connectionEnv" .) -}}
{{- range list .Values.postgresql.auth .Values.externalPostgresql .Values.redis.auth .Values.externalRedis -}}
  {{- with .existingSecret -}}
    {{- $parts = append $parts (get (lookup "v1" "Secret" $.Release.Namespace . | default dict) "data" | toJson) -}}
  {{- end -}}
{{- end -}}
{{- join "\n" $parts | sha256sum -}}
{{- end -}}

{{/* A StatefulSet's volume claim: (list $ "postgresql" $persistence). Kubernetes refuses any change of it: no versions in its labels. */}}
{{- define "flask-scale.volumeClaim" -}}
{{- $root := index . 0 -}}
{{- $persistence := index . 2 -}}
- metadata:
    name: data
    labels:
      {{- include "flask-scale.selectorLabels" (list $root (index . 1)) | nindent 6 }}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with $persistence.storageClass | default $root.Values.global.storageClass }}
    storageClassName: {{ . }}
    {{- end }}
    resources:
      requests:
        storage: {{ $persistence.size }}
{{- end -}}

{{/* Labels of a pod that a new version of the chart alone must not restart: (list $ "postgresql" .Values.postgresql.podLabels). */}}
{{- define "flask-scale.stablePodLabels" -}}
{{- $labels := (index . 0).Values.commonLabels | default dict | deepCopy -}}
{{- if gt (len .) 2 -}}
{{- $labels = mergeOverwrite $labels (index . 2 | default dict | deepCopy) -}}
{{- end -}}
{{- mergeOverwrite $labels (include "flask-scale.selectorLabels" . | fromYaml) | toYaml -}}
{{- end -}}
