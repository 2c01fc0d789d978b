#!/bin/bash
# The cluster itself: three nodes, which came back after a restart of Docker or are made.
# shellcheck disable=SC2016 # envsubst expands these names
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
export HTTP_PORT=${CLUSTER_HTTP_PORT:-18080} HTTPS_PORT=${CLUSTER_HTTPS_PORT:-18443} NGINX_PORT=${CLUSTER_NGINX_PORT:-18081}
cd "$here"

exists() { kind get clusters 2>/dev/null | grep -qx "$cluster"; }

healthy() { # within SECONDS
  timeout "$1" sh -c 'until kubectl get --raw /readyz && kubectl wait --for=condition=Ready node --all --timeout=5s; do sleep 1; done' >/dev/null 2>&1
}

# What kubeadm has to know where the node image is one of ours.
own_images() {
  printf 'kubeadmConfigPatches:\n- |\n  kind: ClusterConfiguration\n  imageRepository: localhost\n  etcd: {local: {imageTag: "%s"}}\n' "$ETCD"
}

create() {
  local image=kindest/node:v$KUBERNETES patches=
  if ! registry_answers; then
    image=flask-scale/node:v$KUBERNETES patches=$(own_images)
  fi
  say "kind create cluster"
  { envsubst '$HTTP_PORT $HTTPS_PORT $NGINX_PORT' <kind.yaml && echo "$patches"; } |
    kind create cluster --name "$cluster" --image "$image" --config - --kubeconfig "$KUBECONFIG" --wait 180s
  healthy 180
}

# Nodes that lost their Docker come back with it, most often; a cluster that does not is made anew.
if exists && ! healthy 120; then
  say "the cluster does not answer: kind delete cluster"
  kind delete cluster --name "$cluster" --kubeconfig "$KUBECONFIG"
fi
if exists; then
  kind export kubeconfig --name "$cluster" --kubeconfig "$KUBECONFIG"
else
  create
fi
