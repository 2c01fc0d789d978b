#!/bin/bash
# keda.sh up|down: KEDA on the cluster, as its module's own manifests say, without its admission webhooks; and away
# again. From nothing half an hour of compiling on two cores. Delete its ScaledObjects before it: they wait for it.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Its objects. The images are not pulled anew, and the adapter's have another name than the operator's.
manifests() {
  kubectl kustomize "$(module_file github.com/kedacore/keda/v2 "v$KEDA" Dir)/config/minimal" |
    sed -e 's|imagePullPolicy: Always|imagePullPolicy: IfNotPresent|' \
      -e "s|image: ghcr.io/kedacore/keda:.*|image: $(keda_image keda)|" \
      -e "s|image: ghcr.io/kedacore/keda-metrics-apiserver:.*|image: $(keda_image keda-adapter)|"
}

up() {
  # The CRDs are larger than what `kubectl apply` keeps of an object in its annotations.
  manifests | kubectl apply --server-side -f -
  kubectl -n keda rollout status deployment --timeout=300s
  kubectl wait apiservice/v1beta1.external.metrics.k8s.io --for=condition=Available --timeout=120s
}

case $1 in
  up)
    registry_answers || run_step keda-tools "$here/tools.sh" keda keda-adapter
    run_step keda-images "$here/images.sh" keda
    "$here/load.sh" "$(keda_image keda)" "$(keda_image keda-adapter)"
    run_step keda up ;;
  down) manifests | kubectl delete --ignore-not-found -f - ;;
esac
