#!/bin/bash
# tools.sh [NAME...]: the Go programs of the cluster and of its tests, compiled from the Go modules of their
# releases into the cache. Without names: all that `make k8s-test` needs, the cluster's own first.
# Two calls at once share the work. It needs Go, no root and no Docker.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# go_build NAME MODULE VERSION PACKAGE [LDFLAGS]: builds a command with exactly the versions, replacements and
# checksums of MODULE's own go.mod, which `go install` refuses to honour. PACKAGE is one of MODULE's, or a
# folder here (./name) that is built against it.
go_build() {
  local out=$bin/$1 module=$2 version=$3 package=$4 ldflags=${5:-} dir part
  exec 9>"$out.lock"
  flock 9
  if [ -x "$out" ] && [ "$(cat "$out.made-of" 2>/dev/null)" = "$(made_of "$@")" ]; then return; fi
  say "go build $1 ($module $version)"
  dir=$(mktemp -d)
  sed 's|^module .*|module build|' "$(module_file "$module" "$version" GoMod)" >"$dir/go.mod"
  cp "$(module_file "$module" "$version" Dir)/go.sum" "$dir/"
  chmod u+w "$dir/go.sum"
  # Kubernetes names the parts that are published beside it without a version.
  sed -n 's|^[[:space:]]*\(k8s.io/[^ ]*\) v0.0.0$|\1|p' "$dir/go.mod" | while read -r part; do
    echo "replace $part => $part v0.${version#v1.}" >>"$dir/go.mod"
  done
  case $package in ./*) cp "$here/$package"/*.go "$dir/" && package=. ;; esac
  (cd "$dir" && go mod edit -require="$module@$version" &&
    CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=mod \
      go build -trimpath -buildvcs=false -ldflags "-s -w $ldflags" -o "$out.new" "$package")
  mv "$out.new" "$out"
  made_of "$@" >"$out.made-of"
  rm -rf "$dir"
}

# What a program was made of: its arguments, and the files here that go into it.
made_of() {
  case $4 in
    ./*) echo "$* $(cat "$here/$4"/*.go | cksum)" ;;
    *) echo "$*" ;;
  esac
}

kubernetes_version() {
  local package
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    printf ' -X %s.gitVersion=v%s -X %s.gitMajor=1 -X %s.gitMinor=%s' $package "$KUBERNETES" $package $package "$minor"
    printf ' -X %s.gitTreeState=clean -X %s.buildDate=2026-01-01T00:00:00Z' $package $package
  done
}

# Helm's idea of a cluster where it is asked of none.
helm_version() {
  local package
  printf -- '-X helm.sh/helm/v3/internal/version.version=v%s' "$HELM"
  for package in chartutil lint/rules; do
    printf ' -X helm.sh/helm/v3/pkg/%s.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/%s.k8sVersionMinor=%s' $package $package "$minor"
  done
}

keda_version() { printf -- '-X github.com/kedacore/keda/v2/version.Version=%s' "$KEDA"; }

build() {
  case $1 in
    hyperkube)
      go_build hyperkube k8s.io/kubernetes "v$KUBERNETES" ./hyperkube "$(kubernetes_version)"
      ln -sf hyperkube "$bin/kubectl" ;;
    coredns) go_build coredns github.com/coredns/coredns "v$COREDNS" ./coredns ;;
    local-path-provisioner)
      go_build "$1" github.com/rancher/local-path-provisioner "v$LOCAL_PATH" github.com/rancher/local-path-provisioner ;;
    metrics-server) go_build "$1" sigs.k8s.io/metrics-server "v$METRICS_SERVER" sigs.k8s.io/metrics-server/cmd/metrics-server ;;
    nginx-ingress-controller)
      go_build "$1" k8s.io/ingress-nginx "v$INGRESS_NGINX" k8s.io/ingress-nginx/cmd/nginx \
        "-X k8s.io/ingress-nginx/version.RELEASE=v$INGRESS_NGINX" ;;
    helm) go_build "$1" helm.sh/helm/v3 "v$HELM" helm.sh/helm/v3/cmd/helm "$(helm_version)" ;;
    kubeconform)
      go_build "$1" github.com/yannh/kubeconform "v$KUBECONFORM" github.com/yannh/kubeconform/cmd/kubeconform \
        "-X main.version=v$KUBECONFORM" ;;
    prometheus-adapter)
      go_build "$1" sigs.k8s.io/prometheus-adapter "v$PROMETHEUS_ADAPTER" sigs.k8s.io/prometheus-adapter/cmd/adapter ;;
    skaffold)
      go_build "$1" github.com/GoogleContainerTools/skaffold/v2 "v$SKAFFOLD" github.com/GoogleContainerTools/skaffold/v2/cmd/skaffold \
        "-X github.com/GoogleContainerTools/skaffold/v2/pkg/skaffold/version.version=v$SKAFFOLD" ;;
    keda) go_build "$1" github.com/kedacore/keda/v2 "v$KEDA" github.com/kedacore/keda/v2/cmd/operator "$(keda_version)" ;;
    keda-adapter) go_build "$1" github.com/kedacore/keda/v2 "v$KEDA" github.com/kedacore/keda/v2/cmd/adapter "$(keda_version)" ;;
    *) fail "no such program: $1" ;;
  esac
}

command -v go >/dev/null ||
  fail "Go is needed to make helm and the cluster's programs: install it (Debian: apt-get install golang; or from its own site)"
minor=$(cut -d . -f 2 <<<"$KUBERNETES")
[ $# -gt 0 ] || set -- hyperkube coredns local-path-provisioner metrics-server nginx-ingress-controller helm kubeconform prometheus-adapter skaffold
for name; do build "$name"; done
