#!/bin/sh
# Configures and builds into DIR. Says nothing unless something fails; with V=1 set, everything.
# usage: scripts/build.sh DIR [CMAKE-OPTION...]
set -eu
cd "$(dirname "$0")/.."
dir=$1
shift
unset MAKEFLAGS MFLAGS # those of the make that called are not for the one that cmake calls
mkdir -p "$dir"

quietly() {
  [ -z "${V:-}" ] || { "$@"; return; }
  "$@" >"$dir/build.log" 2>&1 && return
  status=$?
  cat "$dir/build.log" >&2
  exit $status
}

quietly cmake -S . -B "$dir" "$@"
quietly cmake --build "$dir" -j "$(nproc)"
