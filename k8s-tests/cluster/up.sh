#!/bin/bash
# From a fresh machine to a running cluster. Every step is skipped when its result is there, so that a call
# that was interrupted goes on where it stopped.
#   CLUSTER_CACHE       where programs, logs and the kubeconfig are kept (~/.cache/flask-scale)
#   CLUSTER_NAME        (flask-scale)
#   CLUSTER_HTTP_PORT   port of 127.0.0.1 that is the ingress controller (18080), CLUSTER_HTTPS_PORT (18443)
#   CLUSTER_NGINX_PORT  port of 127.0.0.1 that is node port 30081, the chart's own nginx tier (18081)
#   CLUSTER_REGISTRY    yes: public images; no: made from package registries; unset: whichever can be had
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Compiling goes on beside what needs no compiled program.
nice "$here/tools.sh" >"$cache/log/tools.log" 2>&1 &
tools=$!
trap 'kill "$tools" 2>/dev/null || true' EXIT

wait_for_tools() {
  while kill -0 "$tools" 2>/dev/null; do
    doing "$cache/log/tools.log" | sed 's/^/==> /'
    sleep 2
  done
}

run_step host "$here/host.sh"
if registry_answers; then echo "images: public ones"; else echo "images: made here, no registry answers"; fi
run_step base-image "$here/base-image.sh"
run_step images "$here/images.sh" apps
run_step tools wait_for_tools
wait "$tools" || {
  tail -n 40 "$cache/log/tools.log" >&2
  fail "the programs could not be compiled; all of it: $cache/log/tools.log"
}
run_step node-image "$here/node-image.sh"
run_step compiled-images "$here/images.sh" compiled
run_step nodes "$here/nodes.sh"
"$here/load.sh" redis:8 postgres:17 nginx:1.30 "prom/prometheus:v$PROMETHEUS" \
  "registry.k8s.io/prometheus-adapter/prometheus-adapter:v$PROMETHEUS_ADAPTER" \
  "localhost/ingress-nginx:v$INGRESS_NGINX" "localhost/metrics-server:v$METRICS_SERVER"
run_step add-ons "$here/add-ons.sh"
echo "cluster: ready in $SECONDS s"
echo "  export KUBECONFIG=$KUBECONFIG PATH=$bin:\$PATH"
echo "  Ingresses of class nginx: http://127.0.0.1:${CLUSTER_HTTP_PORT:-18080}; the chart's nginx at node port 30081: http://127.0.0.1:${CLUSTER_NGINX_PORT:-18081}"
