#!/bin/sh
# Runs a command as a named step, and says how long it took: step.sh NAME COMMAND...
name=$1
shift
began=$(date +%s)
printf '%s ...\n' "$name"
"$@" || {
    code=$?
    printf '%s failed (exit code %s)\n' "$name" "$code" >&2
    exit "$code"
}
printf '%s: good, %s s\n\n' "$name" "$(($(date +%s) - began))"
