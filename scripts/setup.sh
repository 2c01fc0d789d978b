#!/bin/sh
# Makes .venv with what requirements/dev.txt pins and with this checkout, where it is not there yet.
# `make setup` calls it; PYTHON=/path/to/python chooses the interpreter. With the argument "bench" it is
# .venv-bench and requirements/bench.txt: what the library is compared with stays out of .venv.
set -eu
cd "$(dirname "$0")/.."

case ${1:-dev} in
dev) venv=.venv pins=requirements/dev.txt ;;
*) venv=.venv-$1 pins=requirements/$1.txt ;;
esac
stamp=$venv/.ready

wanted() {
    pwd
    cksum "$pins" pyproject.toml scripts/setup.sh
}

fail() {
    echo "setup: $1" >&2
    exit 1
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in "${PYTHON:-python3}" python3 python3.13 python3.12 python3.11 python3.14 python; do
        if is_new_enough "$candidate" && "$candidate" -c "import $1" >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

make_venv() {
    rm -rf "$venv"
    if python=$(find_python "venv, ensurepip"); then
        echo "setup: $("$python" --version) in $venv"
        "$python" -m venv "$venv"
    elif python=$(find_python "venv, pip"); then
        echo "setup: $("$python" --version) in $venv, with the system's pip (ensurepip is not installed)"
        "$python" -m venv --without-pip "$venv"
        "$python" -m pip --python "$venv/bin/python" install --disable-pip-version-check pip
    elif python=$(find_python sys); then
        fail "$("$python" --version) has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv)"
    else
        fail "no Python 3.11 or newer found: install one, or say where it is with PYTHON=/path/to/python"
    fi
}

install() {
    "$venv/bin/python" -m pip --disable-pip-version-check --no-input install "$@"
}

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted)" ] && "$venv/bin/python" -c '' 2>/dev/null; then
    exit 0
fi
[ -f "$pins" ] || fail "$pins is missing: make lock"
if [ -f "$stamp" ] && [ "$(head -n 1 "$stamp")" != "$(pwd)" ]; then
    rm -rf "$venv" # its programs name the folder that it was made in
fi
rm -f "$stamp"
if ! is_new_enough "$venv/bin/python" || ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    make_venv
fi
echo "setup: installing what $pins pins (once; about two minutes on a slow line)"
install --require-hashes -r "$pins"
install --quiet --no-deps --no-build-isolation --editable .
wanted >"$stamp"
echo "setup: ready"
