#!/bin/sh
# Installs the Debian packages named in the given lists (one a line, # starts a comment) that are missing.
# With nothing missing it asks for no rights and touches no network.
# usage: scripts/deps.sh LIST...
set -eu

say() { printf 'deps: %s\n' "$*" >&2; }

# Packages may bring daemons; none is to start. Debian's maintainer scripts ask this file, where there is one.
policy=/usr/sbin/policy-rc.d
forbid_daemons() {
  kept=$policy.before-orrery
  if [ -e "$policy" ] && ! grep -q Orrery "$policy"; then mv "$policy" "$kept"; fi # what it allows is not for us
  trap 'rm -f "$policy"; [ ! -e "$kept" ] || mv "$kept" "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\n# Left by a killed scripts/deps.sh of Orrery: its next run puts things right.\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}

# What packages would ask: Grid Engine, whether to set up a cluster.
answer_questions() { echo "gridengine-common shared/gridengineconfig boolean false" | debconf-set-selections; }

# With no names to ask about dpkg-query would answer with every package there is.
names=$(sed 's/#.*//' "$@")
wanted=$(printf '%s\n' "$names" | tr -s '[:space:]' '\n' | sed '/^$/d' | sort -u)
[ -n "$wanted" ] || exit 0

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  say "this is no Debian system. Going on; these Debian packages, or what they are called here, are needed:"
  printf '%s\n' "$wanted" | sed 's/^/  /' >&2
  exit 0
fi

# dpkg-query complains about names that it does not know, and prints the others all the same.
# shellcheck disable=SC2086 # names, meant to be split
present=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p')
missing=$(printf '%s\n' "$wanted" | grep -vxF -e "$present" | tr '\n' ' ')
missing=${missing% }
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
  if sudo -n true 2>/dev/null; then exec sudo -n sh "$0" "$@"; fi
  say "these packages are missing, and installing them takes rights that I do not have. Please run"
  printf '  sudo apt-get install --no-install-recommends %s\n' "$missing" >&2
  exit 1
fi

say "installing $missing"
export DEBIAN_FRONTEND=noninteractive
forbid_daemons
case $missing in *gridengine*) answer_questions ;; esac
apt-get -q update || say "the package lists could not be brought up to date; trying with those at hand"
# shellcheck disable=SC2086
apt-get -q -y --no-install-recommends --no-remove -o DPkg::Lock::Timeout=600 install $missing </dev/null
