#!/bin/sh
# Builds flask-scale/api and flask-scale/worker with the chart's appVersion as their tag; a change of code takes
# seconds. Where the cluster of `make cluster` runs, they go to its nodes.
set -eu
cd "$(dirname "$0")/.."
PATH=/usr/bin:$PATH # Debian's docker before any other, as the cluster's scripts have it

fail() {
    echo "images: $*" >&2
    exit 1
}

command -v docker >/dev/null || fail "docker is missing: install it, or type \`make cluster\`, which does"
docker version >/dev/null 2>&1 || fail "docker does not answer: start its engine, or type \`make cluster\`, which does"
# BuildKit asks a registry for base images that lie here; without its plugin docker knows the classic builder alone.
docker buildx version >/dev/null 2>&1 && [ "${CLUSTER_REGISTRY:-}" != no ] || export DOCKER_BUILDKIT=0

version=$(sed -n 's/^appVersion: //p' charts/flask-scale/Chart.yaml)
set --
for name in api worker; do
    tag=flask-scale/$name:$version
    set -- "$@" "$tag"
    sh scripts/step.sh "image $tag" docker build --quiet --file "Dockerfile.$name" --build-arg "VERSION=$version" \
        --tag "$tag" .
done
if [ -n "$(docker ps --quiet --filter "name=^${CLUSTER_NAME:-flask-scale}-control-plane$")" ]; then
    k8s-tests/cluster/load.sh "$@"
fi
