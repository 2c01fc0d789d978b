{{/* The pod template of a Redis: (list $ "broker"). */}}
{{- define "flask-scale.redis.pod" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- $component := printf "redis-%s" $role -}}
{{- $values := $root.Values.redis -}}
{{- $broker := eq $role "broker" -}}
metadata:
  labels:
    {{- include "flask-scale.stablePodLabels" (list $root $component $values.podLabels) | nindent 4 }}
  annotations:
    {{- $configuration := (include (print $root.Template.BasePath "/redis/configmap.yaml") $root | fromYaml).data }}
    {{- $checksums := dict
      "checksum/config" (get $configuration (printf "%s.conf" $role) | sha256sum)
      "checksum/password" (include "flask-scale.redis.passwordChecksum" $root) }}
    {{- mergeOverwrite ($values.podAnnotations | default dict | deepCopy) $checksums | toYaml | nindent 4 }}
spec:
  {{- include "flask-scale.scheduling" (list $root $component $values) | nindent 2 }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext:
    {{- include "flask-scale.podSecurityContext" (list (dict "runAsUser" 999 "runAsGroup" 999 "fsGroup" 999 "fsGroupChangePolicy" "OnRootMismatch") $values.podSecurityContext) | nindent 4 }}
  containers:
    - name: redis
      image: {{ include "flask-scale.image" (list $root $values.image) }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      # The password goes to a file as its hash: the process list shows none, and no character needs quoting.
      command: [sh, -euc]
      args:
        - |
          hash=$(printf %s "$REDISCLI_AUTH" | sha256sum | cut -d ' ' -f 1)
          printf 'include /etc/redis/{{ $role }}.conf\nuser default on #%s ~* &* +@all\n' "$hash" > /run/redis/redis.conf
          exec redis-server /run/redis/redis.conf
      env:
        {{- include "flask-scale.envFromSecret" (list "REDISCLI_AUTH" (include "flask-scale.passwordSecret" (list $root $values.auth)) "redis-password" false) | nindent 8 }}
      ports:
        - name: redis
          containerPort: 6379
      # Reading a long append-only file takes its time.
      startupProbe:
        exec: &ready
          command: [sh, -c, 'test "$(redis-cli ping)" = PONG']
        periodSeconds: 2
        timeoutSeconds: 5
        failureThreshold: 300
      readinessProbe:
        exec: *ready
        periodSeconds: 5
        timeoutSeconds: 5
      livenessProbe:
        exec:
          command: [redis-cli, ping]
        periodSeconds: 10
        timeoutSeconds: 10
        failureThreshold: 6
      securityContext:
        {{- include "flask-scale.securityContext" $values.securityContext | nindent 8 }}
      resources:
        {{- toYaml (index $values $role).resources | nindent 8 }}
      volumeMounts:
        - name: config
          mountPath: /etc/redis
          readOnly: true
        - name: run
          mountPath: /run/redis
        {{- if $broker }}
        - name: data
          mountPath: /data
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "flask-scale.fullname" $root }}-redis
    - name: run
      emptyDir: {}
    {{- if and $broker (not $values.broker.persistence.enabled) }}
    - name: data
      emptyDir: {}
    {{- end }}
{{- end -}}

{{/* Changes when Redis' password does. */}}
{{- define "flask-scale.redis.passwordChecksum" -}}
{{- $secret := .Values.redis.auth.existingSecret -}}
{{- if $secret -}}
{{- printf "%s %s" $secret (include "flask-scale.storedValue" (list . $secret "redis-password")) | sha256sum -}}
{{- else -}}
{{- get (include "flask-scale.secretData" . | fromYaml) "redis-password" | sha256sum -}}
{{- end -}}
{{- end -}}
