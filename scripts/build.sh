#!/bin/sh
# Configures and builds into DIR. Says that it does, and nothing more unless something fails; with V=1 set, everything.
# usage: scripts/build.sh DIR [CMAKE-OPTION...]
set -eu
cd "$(dirname "$0")/.."
dir=$1
shift
unset MAKEFLAGS MFLAGS # those of the make that called are not for the one that cmake calls

# CMake refuses to go on with what was built before the source tree was moved or renamed: that is built anew.
cached() { sed -n "s/^$1:[A-Z]*=//p" "$dir/CMakeCache.txt" 2>/dev/null; }
source=$(cached CMAKE_HOME_DIRECTORY) || true
if [ "$(cached CMAKE_PROJECT_NAME)" = orrery ] &&
  [ "$(cd "$source" 2>/dev/null && pwd -P)" != "$(pwd -P)" ]; then
  echo "$dir/ was built from $source: building it anew"
  rm -rf "$dir"
fi
mkdir -p "$dir"

quietly() {
  [ -z "${V:-}" ] || { "$@"; return; }
  "$@" >"$dir/build.log" 2>&1 && return
  status=$?
  cat "$dir/build.log" >&2
  exit $status
}

echo "building in $dir/; this may take a moment"
quietly cmake -S . -B "$dir" "$@"
quietly cmake --build "$dir" -j "$(nproc)"
