# shellcheck shell=bash disable=SC2016 # what stands in single quotes is for others to expand
# What every step shares. Source it first.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
set -a
# shellcheck source=versions.env
source "$here/versions.env"
set +a
cache=${CLUSTER_CACHE:-$HOME/.cache/flask-scale}
bin=$cache/bin
cluster=${CLUSTER_NAME:-flask-scale}
mkdir -p "$bin" "$cache/log"
export PATH=/usr/bin:/usr/sbin:$bin:$PATH # Debian's docker before any other
export KUBECONFIG=$cache/kubeconfig
[ "$cluster" = flask-scale ] || KUBECONFIG=$cache/kubeconfig-$cluster

fail() {
  echo "cluster: $*" >&2
  exit 1
}

# say WHAT: what a step is at; `run_step` shows the newest.
say() { echo "==> $*"; }

# run_step NAME COMMAND...: runs it with its output in a log, and shows that it goes on: a line that moves on a
# terminal, elsewhere a line a minute. A failure shows the end of the log. The time is kept in $cache/steps.
run_step() {
  local name=$1 log=$cache/log/$1.log began=$SECONDS shown=0 pid code=0
  shift
  "$@" >"$log" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    if [ -t 1 ]; then
      printf '\r\033[K%s ... %s s  %s' "$name" $((SECONDS - began)) "$(doing "$log" | cut -c -60)"
    elif [ $((SECONDS - began)) -ge $((shown + 60)) ]; then
      shown=$((SECONDS - began))
      echo "$name ... $shown s  $(doing "$log")"
    fi
    sleep 0.3
  done
  wait "$pid" || code=$?
  [ ! -t 1 ] || printf '\r\033[K'
  if [ "$code" -ne 0 ]; then
    tail -n 40 "$log" >&2
    fail "$name failed (exit code $code); all of it: $log"
  fi
  echo "$name: good, $((SECONDS - began)) s"
}

doing() { sed -n 's/^==> //p' "$1" | tail -n 1; }

# Whether public images can be had: CLUSTER_REGISTRY=yes or no, else a try, whose answer holds for a run.
registry_answers() {
  if [ -z "${CLUSTER_REGISTRY:-}" ]; then
    CLUSTER_REGISTRY=no
    ! timeout 20 docker pull --quiet busybox:1.37 >/dev/null 2>&1 || CLUSTER_REGISTRY=yes
    export CLUSTER_REGISTRY
  fi
  [ "$CLUSTER_REGISTRY" = yes ]
}

have_image() { docker image inspect "$1" >/dev/null 2>&1; }

# docker_build TAG FOLDER. Without a registry the classic builder, which looks at local images only.
docker_build() {
  say "image $1"
  if registry_answers; then
    docker build -t "$1" "$2"
  else
    DOCKER_BUILDKIT=0 docker build -t "$1" "$2"
  fi
}

# The Debian mirror of this machine.
mirror() { apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/*$'; }

# module_file MODULE VERSION Dir|GoMod: where a Go module lies once it is downloaded.
module_file() { (cd / && go mod download -json "$1@$2") | sed -n "s|^[[:space:]]*\"$3\": \"\(.*\)\".*|\1|p"; }

# The Kubernetes module's folder.
kubernetes() { module_file k8s.io/kubernetes "v$KUBERNETES" Dir; }

# keda_image keda|keda-adapter: the public name of KEDA's operator, or of its adapter.
keda_image() {
  case $1 in
    keda) echo "ghcr.io/kedacore/keda:$KEDA" ;;
    keda-adapter) echo "ghcr.io/kedacore/keda-metrics-apiserver:$KEDA" ;;
  esac
}
