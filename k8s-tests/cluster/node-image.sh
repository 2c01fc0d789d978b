#!/bin/bash
# The kind node image: the public one, else one made here, with the cluster's own images inside it.
# shellcheck disable=SC2016 # envsubst expands these names
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
if registry_answers; then
  have_image "kindest/node:v$KUBERNETES" || docker pull "kindest/node:v$KUBERNETES"
  exit
fi
cd "$here"
node=flask-scale/node:v$KUBERNETES
# Up to date when it was made from these very files.
made_of=$(cat "$bin"/{hyperkube,coredns,local-path-provisioner} versions.env node-image.sh manifests/default-* \
  images/{kube,node,busybox,pause,coredns,local-path-provisioner}/Dockerfile images/node/etc/* | sha256sum | cut -c -16)
[ "$(docker image inspect -f '{{.Config.Labels.made_of}}' "$node" 2>/dev/null)" != "$made_of" ] || exit 0
work=$(mktemp -d)
container=node-image-$$
trap 'docker rm -f "$container" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

# image NAME TAG [FILE...]: builds images/NAME with the files beside its Dockerfile.
image() {
  local context=$work/$1 tag=$2; shift 2
  mkdir -p "$context" && cp -r "images/$(basename "$context")/." "$@" "$context/"
  docker_build "$tag" "$context"
}

gcc -Os -static -DVERSION="$PAUSE" -o "$work/pause.bin" "$(kubernetes)/build/pause/linux/pause.c"
mkdir "$work/bin" && mv "$work/pause.bin" "$work/bin/pause"

image kube localhost/kube "$bin/hyperkube"
for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy kube-net; do
  docker tag localhost/kube "localhost/$name:v$KUBERNETES"
done
docker tag localhost/kube "localhost/etcd:$ETCD"
image coredns "localhost/coredns:v$COREDNS" "$bin/coredns"
image local-path-provisioner "localhost/local-path-provisioner:v$LOCAL_PATH" "$bin/local-path-provisioner"
image pause "localhost/pause:$PAUSE" "$work/bin/pause"
image busybox busybox:1.37

# kind's files come without their exec bits from a Go module.
files=$work/files
mkdir -p "$files"
cp -r "$(module_file sigs.k8s.io/kind "v$KIND_FILES" Dir)/images/base/files/." "$files/"
chmod -R u+w "$files" && chmod 755 "$files"/usr/local/bin/* "$files"/kind/bin/*
rm "$files/etc/systemd/system/containerd-fuse-overlayfs.service"
# No fuse-overlayfs here; a sandbox image of our own; a host without CAP_SYS_RESOURCE may not
# lower an OOM score.
sed -i -e '/^\[proxy_plugins/,/^  address/d' -e "s|registry.*/pause:[^\"]*|localhost/pause:$PAUSE|" \
  -e 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' "$files/etc/containerd/config.toml"
image node flask-scale/node-base "$files" "$bin/hyperkube"

say "preload the cluster's images"
docker run -d --name "$container" --entrypoint sleep --security-opt seccomp=unconfined flask-scale/node-base infinity >/dev/null
printf 'v%s' "$KUBERNETES" | docker exec -i "$container" cp /dev/stdin /kind/version
for manifest in default-cni default-storage; do
  envsubst '$KUBERNETES $LOCAL_PATH' <"manifests/$manifest.yaml" | docker exec -i "$container" cp /dev/stdin "/kind/manifests/$manifest.yaml"
done
docker exec -d "$container" sh -c 'exec containerd >/dev/null 2>&1'
docker exec "$container" timeout 30 sh -c 'until ctr version >/dev/null 2>&1; do sleep 0.2; done'
docker save busybox:1.37 localhost/{pause:$PAUSE,etcd:$ETCD,coredns:v$COREDNS,local-path-provisioner:v$LOCAL_PATH} \
    localhost/kube-{apiserver,controller-manager,scheduler,proxy,net}:v$KUBERNETES |
  docker exec -i "$container" ctr -n k8s.io images import --label=io.cri-containerd.pinned=pinned --all-platforms --no-unpack --digests - >/dev/null
docker exec "$container" sh -c 'pkill containerd; while pgrep containerd >/dev/null; do sleep 0.2; done'
docker commit --change "LABEL made_of=$made_of" --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' "$container" "$node" >/dev/null
