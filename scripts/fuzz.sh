#!/bin/sh
# Runs every fuzz target built in DIR, FUZZ_SECONDS (60) each, from the seeds in tests/fuzz/corpus/NAME, if
# there are any, and from what earlier runs found. An input that breaks a target is left in DIR/fuzz/NAME.
# usage: scripts/fuzz.sh DIR
set -eu
cd "$(dirname "$0")/.."
dir=$1
seconds=${FUZZ_SECONDS:-60}
status=0 count=0

for target in "$dir"/tests/fuzz_*; do
  [ -x "$target" ] || continue
  name=${target##*/fuzz_}
  found=$dir/fuzz/$name
  mkdir -p "$found/corpus"
  set -- "$found/corpus"
  if [ -d "tests/fuzz/corpus/$name" ]; then set -- "$@" "tests/fuzz/corpus/$name"; fi
  count=$((count + 1))
  if "$target" -max_total_time="$seconds" -timeout=10 -artifact_prefix="$found/" "$@" >"$found/log" 2>&1; then
    covered=$(grep -ao 'cov: [0-9]* ft: [0-9]*' "$found/log" | tail -n 1)
    printf '%-24s %s (%s)\n' "$name" "$(tail -n 1 "$found/log")" "$covered"
  else
    printf '%-24s failed:\n' "$name"
    tail -n 40 "$found/log"
    status=1
  fi
done

if [ $count = 0 ]; then
  echo "fuzz: $dir holds no fuzz target" >&2
  exit 1
fi
exit $status
