{{/*
Every alert, as YAML: what is wrong (expr), for how long it must be (for), how soon somebody must look (severity:
critical is now), and the summary. docs/runbooks has a page for each, k8s-tests/alerts its test.
*/}}
{{- define "flask-scale.alerts" -}}
{{- $api := include "flask-scale.series" (list . "api") -}}
{{- $all := include "flask-scale.series" (list . "(api|worker)") -}}
FlaskScaleDown:
  expr: absent(flask_scale_requests_in_flight{{ $api }})
  for: 2m
  severity: critical
  summary: No API pod answers a scrape.
FlaskScaleErrors:
  expr: >-
    sum(rate(flask_http_request_total{{ include "flask-scale.series" (list . "api" "status=~\"5..\"") }}[5m]))
    > 0.01 * sum(rate(flask_http_request_total{{ $api }}[5m]))
  for: 5m
  severity: critical
  summary: Over 1% of the API's responses are errors of its own (5xx).
FlaskScaleSlow:
  expr: histogram_quantile(0.99, sum by (le) (rate(flask_http_request_duration_seconds_bucket{{ $api }}[5m]))) > 1
  for: 10m
  severity: warning
  summary: One request in a hundred takes the API over a second.
FlaskScaleSaturated:
  expr: max(flask_scale_requests_in_flight{{ $api }} / (flask_scale_requests_limit{{ $api }} > 0)) > 0.8
  for: 5m
  severity: warning
  summary: An API pod has over 80% of its places for requests in flight in use; above 100% it sheds.
FlaskScaleShedding:
  expr: sum(rate(flask_scale_requests_shed_total{{ $api }}[5m])) > 0
  for: 5m
  severity: critical
  summary: The API turns requests away (503 with Retry-After), since too many are in flight.
FlaskScalePoolExhausted:
  expr: max(flask_scale_pool_waiting{{ $api }}) > 0
  for: 5m
  severity: warning
  summary: Requests wait for a database connection.
FlaskScaleCacheUnavailable:
  expr: sum(rate(flask_scale_cache_errors_total{{ $all }}[5m])) > 0
  for: 5m
  severity: warning
  summary: The cache does not answer in time; the database does its work.
{{- if .Values.worker.enabled }}
FlaskScaleBrokerUnavailable:
  expr: sum(rate(flask_scale_jobs_published_total{{ include "flask-scale.series" (list . "(api|worker)" "outcome=\"failed\"") }}[5m])) > 0
  for: 5m
  severity: warning
  summary: The broker takes no hints, so that jobs begin late.
FlaskScaleJobsWaiting:
  expr: max(flask_scale_queue_oldest_age_seconds{{ $api }}) > 300
  for: 5m
  severity: warning
  summary: The oldest due job has waited for over five minutes.
FlaskScaleJobsUnhandled:
  expr: max by (task) (flask_scale_jobs_unhandled{{ $api }}) > 0
  for: 10m
  severity: warning
  summary: Jobs are queued of a task that no running Celery worker handles.
FlaskScaleJobsDead:
  expr: {{ include "flask-scale.counted" (list "task" (printf "flask_scale_job_duration_seconds_count%s" (include "flask-scale.series" (list . "worker" "outcome=\"dead\"")))) }}
  severity: warning
  summary: Jobs failed for good within the last quarter of an hour.
FlaskScaleJobsFenced:
  expr: {{ include "flask-scale.counted" (list "operation" (printf "flask_scale_jobs_fenced_total%s" (include "flask-scale.series" (list . "worker")))) }}
  severity: warning
  summary: Celery workers lost the lease of jobs that they were running.
{{- end }}
{{- end -}}

{{/*
What was counted within a quarter of an hour, by a label: (list "task" "series"). A counter is there only from its
first count on, and `increase` does not see that one.
*/}}
{{- define "flask-scale.counted" -}}
{{- $series := index . 1 -}}
sum by ({{ index . 0 }}) (({{ $series }} unless {{ $series }} offset 15m) or increase({{ $series }}[15m])) > 0
{{- end -}}
