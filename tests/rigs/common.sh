#!/bin/sh
# What the rigs share: private servers as plain processes, told by a variable that all of them inherit. Sourced by the
# scripts beside it, which set `dir`.

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# The first of so many free ports in a row, below those that outgoing connections take.
free_ports() {
  lua5.4 - "$1" <<'LUA'
local socket, count = require "socket", tonumber(arg[1])
math.randomseed(os.time(), io.popen("echo $PPID"):read "n")
local function are_free(first)
  for port = first, first + count - 1 do
    local listening = socket.bind("*", port)
    if not listening then return false end
    listening:close()
  end
  return true
end
local first
repeat first = math.random(20000, 32000 - count) until are_free(first)
print(first)
LUA
}

# Runs a command with nothing of the caller's environment but what is given: jobs inherit what daemons have.
# usage: plainly [NAME=VALUE…] COMMAND…
plainly() { env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 ORRERY_RIG="$dir" "$@"; }

# Tries a command until it goes well. usage: await WHAT SECONDS COMMAND…
await() {
  what=$1 end=$(($(date +%s) + $2))
  shift 2
  until timeout 5 "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$end" ] || die "$what does not answer; see $dir/log"
    sleep 0.05
  done
}

# Whether the process of a pid file lives.
lives() { [ -s "$1" ] && grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$(cat "$1")/status"; }

# The processes that have a variable in their environment. usage: processes_with NAME=VALUE
processes_with() { grep -lsz -x -F -e "$1" /proc/[0-9]*/environ | cut -d/ -f3; }

# Kills the processes that a command lists, until there are none. Nothing of a rig is worth an orderly end.
kill_all() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    pids=$("$@")
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086 # pids, meant to be split
    kill -s KILL $pids 2>/dev/null || true
    sleep 0.1
  done
  die "still running: $pids"
}
