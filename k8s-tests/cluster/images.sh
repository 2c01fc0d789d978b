#!/bin/bash
# images.sh apps|compiled|keda: the images that the chart uses, by the names they have in public; then those that hold
# a program of tools.sh: the chart's adapter, where it cannot be pulled, and the cluster's add-ons; KEDA's, likewise.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$here"

# get IMAGE FOLDER: pulls it, else builds images/FOLDER.
get() {
  if have_image "$1"; then
    return
  elif registry_answers; then
    say "docker pull $1"
    docker pull "$1"
  else
    docker_build "$1" "images/$2"
  fi
}

# build IMAGE FOLDER [FILE...]: builds images/FOLDER with the files put in, when one of them changed.
build() {
  local image=$1 folder=$2 context made_of
  shift 2
  made_of=$(find "images/$folder" "$@" -type f -print0 | sort -z | xargs -0 cat | sha256sum | cut -c -16)
  [ "$(docker image inspect -f '{{.Config.Labels.made_of}}' "$image" 2>/dev/null)" != "$made_of" ] || return 0
  context=$(mktemp -d)
  cp -r "images/$folder/." "$@" "$context/"
  echo "LABEL made_of=$made_of" >>"$context/Dockerfile"
  docker_build "$image" "$context"
  rm -rf "$context"
}

case $1 in
  apps)
    get redis:8 redis
    get postgres:17 postgres
    get nginx:1.30 nginx
    get "prom/prometheus:v$PROMETHEUS" prometheus
    get python:3.13-slim python ;; # the long one: CPython is compiled
  compiled)
    adapter=registry.k8s.io/prometheus-adapter/prometheus-adapter:v$PROMETHEUS_ADAPTER
    if registry_answers; then get "$adapter"; else build "$adapter" prometheus-adapter "$bin/prometheus-adapter"; fi
    build "localhost/metrics-server:v$METRICS_SERVER" metrics-server "$bin/metrics-server"
    build "localhost/ingress-nginx:v$INGRESS_NGINX" ingress-nginx "$bin/nginx-ingress-controller" \
      "$(module_file k8s.io/ingress-nginx "v$INGRESS_NGINX" Dir)/rootfs/etc" ;;
  keda)
    for name in keda keda-adapter; do
      image=$(keda_image $name)
      if registry_answers; then get "$image"; else build "$image" $name "$bin/$name"; fi
    done ;;
esac
