{{/*
Values that each are good and together are not. Every message says what to do.
Included by templates/validate.yaml, which renders nothing.
*/}}
{{- define "flask-scale.validate" -}}
{{- $values := .Values -}}
{{- $errors := list -}}

{{- $name := include "flask-scale.fullname" . -}}
{{- if not (regexMatch "^[a-z]([a-z0-9-]*[a-z0-9])?$" $name) -}}
{{- $errors = append $errors (printf "The objects' names would begin with %s, which no Service may: set fullnameOverride to lower-case letters, digits and -, a letter first." $name) -}}
{{- end -}}
{{- if and $values.ingress.enabled $values.httpRoute.enabled -}}
{{- $errors = append $errors "ingress.enabled and httpRoute.enabled: both lead the same traffic in; switch one off." -}}
{{- end -}}
{{- if and $values.httpRoute.enabled (not $values.httpRoute.parentRefs) -}}
{{- $errors = append $errors "httpRoute.parentRefs: name the Gateway, e.g. [{name: my-gateway, namespace: gateways}]." -}}
{{- end -}}
{{- if and (not $values.nginx.enabled) $values.nginx.trustedProxies -}}
{{- $errors = append $errors "nginx.trustedProxies: nginx.enabled is false; set settings.FORWARDED_ALLOW_IPS instead." -}}
{{- end -}}
{{- if and $values.nginx.service.nodePort (eq $values.nginx.service.type "ClusterIP") -}}
{{- $errors = append $errors "nginx.service.nodePort: a ClusterIP Service has none; set nginx.service.type to NodePort or LoadBalancer." -}}
{{- end -}}

{{- if and $values.redis.enabled (or $values.externalRedis.brokerUrl $values.externalRedis.cacheUrl $values.externalRedis.existingSecret) -}}
{{- $errors = append $errors "externalRedis: set redis.enabled=false to use it, or leave externalRedis empty." -}}
{{- end -}}
{{- if and $values.postgresql.enabled (or $values.externalPostgresql.url $values.externalPostgresql.existingSecret) -}}
{{- $errors = append $errors "externalPostgresql: set postgresql.enabled=false to use it, or leave externalPostgresql empty." -}}
{{- end -}}
{{- if $values.worker.enabled -}}
{{- if not (include "flask-scale.hasDatabase" .) -}}
{{- $errors = append $errors "worker.enabled: jobs are kept in PostgreSQL; set postgresql.enabled=true or externalPostgresql, or worker.enabled=false." -}}
{{- end -}}
{{- if not (include "flask-scale.hasBroker" .) -}}
{{- $errors = append $errors "worker.enabled: jobs need a broker; set redis.enabled=true or externalRedis.brokerUrl, or worker.enabled=false." -}}
{{- end -}}
{{- end -}}
{{- if and (eq $values.migrations.mode "hook") $values.postgresql.enabled -}}
{{- $errors = append $errors "migrations.mode=hook: a hook runs before the chart's own PostgreSQL is there; use mode=job, or externalPostgresql." -}}
{{- end -}}
{{- if and (eq $values.migrations.mode "hook") $values.externalPostgresql.url -}}
{{- $errors = append $errors "migrations.mode=hook: a hook runs before the chart's Secret with the URL is there; give it by externalPostgresql.existingSecret." -}}
{{- end -}}

{{- $provider := $values.autoscaling.provider -}}
{{- if and (eq $provider "keda") (include "flask-scale.asksMetrics" .) (not $values.autoscaling.prometheusAddress) (not $values.metrics.bundled.enabled) -}}
{{- $errors = append $errors "autoscaling.prometheusAddress: KEDA asks a Prometheus; say where yours is, e.g. http://prometheus.monitoring:9090, or set metrics.bundled.enabled=true." -}}
{{- end -}}
{{- if include "flask-scale.bundledAdapter" . -}}
{{- range $version := list "v1beta1" "v1beta2" -}}
{{- $served := lookup "apiregistration.k8s.io/v1" "APIService" "" (printf "%s.custom.metrics.k8s.io" $version) -}}
{{- $owner := dig "metadata" "annotations" dict ($served | default dict) -}}
{{- $ours := and (eq (get $owner "meta.helm.sh/release-name") $.Release.Name) (eq (get $owner "meta.helm.sh/release-namespace") $.Release.Namespace) -}}
{{- if and $served (not $ours) -}}
{{- $service := dig "spec" "service" dict $served -}}
{{- $errors = append $errors (printf "metrics.bundled.enabled: a cluster has one custom metrics API, and here the Service %s/%s serves it already (APIService %s.custom.metrics.k8s.io). Set metrics.bundled.enabled=false and give that one the rules of this chart (its README says how), or set autoscaling.provider to keda or none." (get $service "namespace") (get $service "name") $version) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $values.metrics.serviceMonitor.enabled $values.metrics.podMonitor.enabled -}}
{{- $errors = append $errors "metrics.serviceMonitor and metrics.podMonitor: with both every pod is scraped twice; switch one off." -}}
{{- end -}}
{{- range $name := list "api" "worker" -}}
{{- $component := get $values $name -}}
{{- $scaling := $component.autoscaling -}}
{{- if and (ne $provider "none") (or (eq $name "api") $component.enabled) -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
{{- $errors = append $errors (printf "%s.autoscaling: minReplicas (%d) is above maxReplicas (%d)." $name (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- end -}}
{{- if and (eq (int $scaling.minReplicas) 0) (or (eq $provider "hpa") (eq $name "api")) -}}
{{- $errors = append $errors (printf "%s.autoscaling.minReplicas=0: %s" $name (ternary "nobody would answer the first request; use 1 or more." "a HorizontalPodAutoscaler cannot start from zero; use 1, or autoscaling.provider=keda." (eq $name "api"))) -}}
{{- end -}}
{{- if and (eq $provider "keda") (eq $name "worker") (eq (int $scaling.minReplicas) 0) (not (or $scaling.queueDepth $scaling.oldestAgeSeconds)) -}}
{{- $errors = append $errors "worker.autoscaling.minReplicas=0: no queued job would bring a worker; set queueDepth or oldestAgeSeconds, or minReplicas to 1." -}}
{{- end -}}
{{- $targets := list $scaling.cpuPercent $scaling.requestsPerSecond $scaling.inFlightPercent $scaling.queueDepth $scaling.oldestAgeSeconds | compact -}}
{{- if not $targets -}}
{{- $errors = append $errors (printf "%s.autoscaling: every target is 0, so that nothing would scale; set one." $name) -}}
{{- end -}}
{{- if and $scaling.cpuPercent (not (dig "requests" "cpu" "" ($component.resources | default dict))) -}}
{{- $errors = append $errors (printf "%s.autoscaling.cpuPercent is a share of the CPU request: set %s.resources.requests.cpu, or cpuPercent to 0." $name $name) -}}
{{- end -}}
{{- end -}}
{{- $taken := include "flask-scale.connectionEnv" $ | fromYamlArray -}}
{{- range $setting, $_ := include "flask-scale.settings" (list $ $name $component) | fromYaml -}}
{{- $taken = append $taken (dict "name" (printf "FLASK_SCALE_%s" $setting)) -}}
{{- end -}}
{{- range $component.env -}}
{{- $variable := .name -}}
{{- range $taken -}}
{{- if eq .name ($variable | default "") -}}
{{- $errors = append $errors (printf "%s.env: %s is set already; use settings, %s.settings, or the values of Redis and PostgreSQL." $name $variable $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $drain := ternary (include "flask-scale.setting" (list $ $component "DRAIN_SECONDS" 3) | float64 | ceil | int) 0 (eq $name "api") -}}
{{- $graceful := include "flask-scale.setting" (list $ $component "GRACEFUL_TIMEOUT_SECONDS" 30) | int -}}
{{- $need := add (int $component.preStopSeconds) $drain $graceful 5 | int -}}
{{- if lt (int $component.terminationGracePeriodSeconds) $need -}}
{{- $errors = append $errors (printf "%s.terminationGracePeriodSeconds=%d would cut requests or jobs off: preStop, drain, graceful timeout and 5 s are %d; raise it, or lower GRACEFUL_TIMEOUT_SECONDS." $name (int $component.terminationGracePeriodSeconds) $need) -}}
{{- end -}}
{{- end -}}
{{- if and (ne $provider "none") $values.api.autoscaling.inFlightPercent (eq (include "flask-scale.setting" (list . .Values.api "MAX_IN_FLIGHT" 512)) "0") -}}
{{- $errors = append $errors "api.autoscaling.inFlightPercent is a share of settings.MAX_IN_FLIGHT, and 0 is no limit: set a limit, or inFlightPercent to 0." -}}
{{- end -}}
{{- $keepalive := include "flask-scale.setting" (list . .Values.api "KEEPALIVE_SECONDS" 75) | int -}}
{{- if and $keepalive (le $keepalive 60) -}}
{{- $errors = append $errors "settings.KEEPALIVE_SECONDS: must be above nginx's 60, or nginx sends requests to connections that just closed; 0 keeps none." -}}
{{- end -}}
{{- with $values.nginx -}}
{{- $need := add (int .preStopSeconds) (int .readTimeoutSeconds) 5 | int -}}
{{- if and .enabled (lt (int .terminationGracePeriodSeconds) $need) -}}
{{- $errors = append $errors (printf "nginx.terminationGracePeriodSeconds=%d would cut requests off: preStopSeconds (%d), readTimeoutSeconds (%d) and 5 s are %d; raise it, or lower these." (int .terminationGracePeriodSeconds) (int .preStopSeconds) (int .readTimeoutSeconds) $need) -}}
{{- end -}}
{{- $graceful := include "flask-scale.setting" (list $ $values.api "GRACEFUL_TIMEOUT_SECONDS" 30) | int -}}
{{- if and .enabled (lt $graceful (int .readTimeoutSeconds)) -}}
{{- $errors = append $errors (printf "api.settings.GRACEFUL_TIMEOUT_SECONDS=%d would cut off requests for which nginx waits nginx.readTimeoutSeconds (%d): raise it, with api.terminationGracePeriodSeconds, or lower readTimeoutSeconds." $graceful (int .readTimeoutSeconds)) -}}
{{- end -}}
{{- end -}}

{{- $selectors := include "flask-scale.selectorLabels" (list . "") | fromYaml -}}
{{- range $label, $_ := $values.commonLabels -}}
{{- if or (hasKey $selectors $label) (eq $label "app.kubernetes.io/managed-by") -}}
{{- $errors = append $errors (printf "commonLabels: %s is the chart's own, by which objects are found; use another name." $label) -}}
{{- end -}}
{{- end -}}
{{- $bundled := $values.metrics.bundled -}}
{{- $components := dict "metrics.bundled.prometheus" $bundled.prometheus "metrics.bundled.adapter" $bundled.adapter -}}
{{- range $name, $component := merge $components (pick $values "api" "worker" "nginx" "redis" "postgresql") -}}
{{- range $label, $_ := $component.podLabels -}}
{{- if hasKey $selectors $label -}}
{{- $errors = append $errors (printf "%s.podLabels: %s is the chart's own, by which pods are found; use another name." $name $label) -}}
{{- end -}}
{{- end -}}
{{- $image := $component.image -}}
{{- $tag := $image.tag | default "" -}}
{{- if and (not $tag) (not $image.digest) (not (has $name (list "api" "worker"))) -}}
{{- $errors = append $errors (printf "%s.image.tag: name a version; only the chart's own images have one without." $name) -}}
{{- end -}}
{{- if and (eq $tag "latest") (not $image.digest) -}}
{{- $errors = append $errors (printf "%s.image.tag=latest: name a version, or a rollback would change nothing." $name) -}}
{{- end -}}
{{- end -}}

{{- range list "flask-scale.sizeErrors" "flask-scale.connectionErrors" -}}
{{- $errors = concat $errors (include . $ | fromYamlArray) -}}
{{- end -}}
{{- if $errors -}}
{{- fail (printf "\n\n- %s\n" (join "\n- " $errors)) -}}
{{- end -}}
{{- end -}}
