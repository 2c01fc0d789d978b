#!/bin/sh
# Brings what the chart's tests run, helm and kubeconform, to the cache's bin folder where the PATH has none:
# compiled from Go modules once (about five minutes), then found. Prints the folder.
set -eu
cd "$(dirname "$0")/.."
bin=${CLUSTER_CACHE:-$HOME/.cache/flask-scale}/bin
PATH=$PATH:$bin

usable() {
    case $1 in
    helm) helm version --short 2>/dev/null | grep -q '^v3\.' ;;
    *) "$1" -v >/dev/null 2>&1 ;;
    esac
}

missing=
for tool in helm kubeconform; do
    usable "$tool" || missing="$missing $tool"
done
if [ -n "$missing" ]; then
    command -v go >/dev/null || {
        echo "chart tests: missing:$missing. Install helm 3 and kubeconform, or Go, from which they are compiled" >&2
        exit 1
    }
    # shellcheck disable=SC2086 # one word a tool
    k8s-tests/cluster/tools.sh $missing >&2
fi
echo "$bin"
