#!/bin/bash
# Docker and kind: what is there is used; else they come from Debian and are started.
# Docker of trixie or later, since the older one asks for capabilities that a confined host may not have;
# kind is only in sid.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

all_there() {
  local program
  for program; do command -v "$program" >/dev/null || return 1; done
}

docker_answers() { docker info >/dev/null 2>&1; }

install() {
  if [ "$(id -u)" != 0 ] || ! all_there apt-get; then
    fail "Docker must run, and kind 0.30 or newer, envsubst and gcc be installed. As root on Debian this is done for you; here: install them, start Docker, and call again"
  fi
  say "apt-get install docker, kind"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck source=/dev/null
  . /etc/os-release
  printf 'Types: deb\nURIs: %s\nSuites: trixie sid\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
    "$(mirror)" >/etc/apt/sources.list.d/trixie-sid.sources
  echo "APT::Default-Release \"$VERSION_CODENAME\";" >/etc/apt/apt.conf.d/99default-release
  apt-get -q -o Acquire::Check-Valid-Until=false update
  apt-get -q install -y --no-install-recommends \
    containerd/trixie docker-buildx/trixie docker-cli/trixie docker.io/trixie kind/sid \
    debootstrap gcc gettext-base iproute2 iptables libc6-dev pigz procps
}

start_docker() {
  [ "$(id -u)" = 0 ] || fail "Docker does not answer: start it, or join its group, and call again"
  say "start Docker"
  if [ -d /run/systemd/system ]; then
    systemctl start docker
  else
    # of its own session: it outlives whoever called
    setsid dockerd >"$cache/log/dockerd.log" 2>&1 </dev/null 9>&- &
  fi
  timeout 60 sh -c 'until docker info >/dev/null 2>&1; do sleep 0.5; done' ||
    fail "Docker does not start: $cache/log/dockerd.log says why"
}

if docker_answers && all_there kind envsubst && registry_answers; then
  exit
fi
docker_answers || all_there dockerd || install
all_there kind envsubst gcc debootstrap || install
docker_answers || start_docker
