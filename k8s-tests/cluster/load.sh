#!/bin/bash
# load.sh IMAGE...: puts images on the cluster's nodes, those that are not there as they are now.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The file on a node that keeps which image was loaded under a name.
stamp() { echo "/kind/loaded-$(tr -c '[:alnum:]\n' - <<<"$1")"; }

id_of() { docker image inspect -f '{{.Id}}' "$1"; }

load_missing() {
  local image missing=()
  for image; do
    [ "$(docker exec "$cluster-worker2" cat "$(stamp "$image")" 2>/dev/null)" = "$(id_of "$image")" ] || missing+=("$image")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "kind load ${missing[*]}"
  kind load docker-image --name "$cluster" "${missing[@]}"
  for image in "${missing[@]}"; do
    id_of "$image" | docker exec -i "$cluster-worker2" sh -c "cat >$(stamp "$image")"
  done
}

run_step load load_missing "$@"
