#!/bin/bash
# What the chart's tests expect of a cluster beyond the nodes: metrics of pods, and an Ingress controller.
# shellcheck disable=SC2016 # envsubst expands these names
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
for addon in metrics-server ingress-nginx; do
  say "$addon"
  envsubst '$METRICS_SERVER $INGRESS_NGINX' <"$here/manifests/$addon.yaml" | kubectl apply -f -
done
kubectl -n kube-system rollout status deployment --timeout=180s
kubectl -n ingress-nginx rollout status deployment --timeout=180s
