#!/bin/sh
# The load of `make bench`: wrk, from the system's packages where it is missing.
set -eu
command -v wrk >/dev/null && exit
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get install --yes --quiet=2 wrk >/dev/null || { apt-get update --quiet=2 && apt-get install --yes --quiet=2 wrk; }
else
    echo "wrk is not installed (Debian, Ubuntu: sudo apt-get install wrk; macOS: brew install wrk)" >&2
    exit 1
fi
