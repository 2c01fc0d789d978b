#!/bin/bash
# debian:$DEBIAN-slim, the base of every image here: the public one, else made from this machine's Debian mirror.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
image=debian:$DEBIAN-slim
! have_image "$image" || exit 0
if registry_answers; then
  say "docker pull $image"
  docker pull "$image"
  exit
fi
say "debootstrap $DEBIAN"
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase "$DEBIAN" "$root" "$(mirror)"
# The machine's own trust store: builds in containers reach the same registries as the host.
mkdir -p "$root/etc/ssl/certs" "$root/usr/local/share/ca-certificates"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
printf 'path-exclude=/usr/share/%s/*\n' doc man locale info lintian >"$root/etc/dpkg/dpkg.cfg.d/slim"
printf 'APT::Install-Recommends "0";\nAcquire::Languages "none";\n' >"$root/etc/apt/apt.conf.d/slim"
rm -rf "$root"/usr/share/{doc,man,locale,info,lintian}/* "$root"/var/{cache/apt,lib/apt/lists,log}/*
say "docker import $image"
tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - "$image"
