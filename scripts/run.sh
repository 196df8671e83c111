#!/bin/sh
# What `make run` does once everything is built: starts a server, runs the example sweep on it, and keeps
# serving until Ctrl-C. From the environment:
#   LISTEN  address and port (127.0.0.1:8080)
#   DATA    data directory (data, in the source tree)
#   ONCE=1  stop after the sweep; exit 1 if one of its jobs failed
set -eu
cd "$(dirname "$0")/.."
listen=${LISTEN:-127.0.0.1:8080}
data=${DATA:-data}
case $data in /*) ;; *) data=$PWD/$data ;; esac
unset ORRERY_URL ORRERY_TOKEN ORRERY_CONFIG # they are about another server
server='' sweep=''

# A member of what the server tells about itself.
about() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p" "$data/server.json" 2>/dev/null; }

# Asks everything that this script started to end, once, and waits for it.
stop() {
  trap '' HUP INT TERM
  for child in $sweep $server; do
    if kill "$child" 2>/dev/null; then wait "$child" 2>/dev/null || true; fi
  done
}

interrupted() {
  stop
  cat <<TXT

The server has stopped, too. Local jobs that run go on; those that wait do so until it is started again:
  build/orrery serve --listen $listen --data '$data' --single-user
TXT
  exit "$1"
}

# setsid: Ctrl-C at the terminal shall reach the server by this script alone, and once.
setsid build/orrery serve --listen "$listen" --data "$data" --single-user &
server=$!
trap 'interrupted 129' HUP
trap 'interrupted 130' INT
trap 'interrupted 143' TERM

until [ "$(about pid)" = "$server" ]; do
  if ! kill -0 "$server" 2>/dev/null; then
    status=0
    wait "$server" || status=$?
    exit $status # the server has said why
  fi
  sleep 0.05
done

build/orrery run --data "$data" examples/heat2d/sweep.json &
sweep=$!
failed=0
wait "$sweep" || failed=1
sweep=''

if [ "${ONCE:-}" = 1 ]; then
  stop
  exit $failed
fi

trap 'interrupted 0' HUP INT TERM
cat <<TXT

Serving at $(about url) until Ctrl-C; local jobs that run then go on. The token is in $(about token_file).
This is a server for a single user: whoever has a token runs jobs as $(id -un). Try:
  build/orrery simulations --data '$data'
  curl -H "Authorization: Bearer \$(cat '$(about token_file)')" $(about url)/v1/simulations
TXT
wait "$server"
