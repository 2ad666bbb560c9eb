#!/usr/bin/env bash
# Set-up step: the Debian packages of versions.env. Calls apt only when something is missing.
source "$(dirname "$0")/common.sh"

# Prints the packages that are missing, or whose version does not begin as expected.
lacking() {
  local name expected version installed
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' 2>/dev/null || true)
  for name in $APT_PACKAGES; do
    expected=
    if [[ $name == *=* ]]; then expected=${name#*=} name=${name%%=*}; fi
    version=$(awk -v p="$name" '$1 == "installed" && $2 == p {print $3; exit}' <<<"$installed")
    if [[ -z $version || ${version#*:} != "$expected"* ]]; then echo "$name"; fi
  done
}

command -v apt-get >/dev/null ||
  die "no apt-get here: Moire's set-up is made for Debian 12; install by hand what harness/setup/versions.env lists"
missing=$(lacking | xargs)
if [[ -z $missing ]]; then exit 0; fi

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null ||
    die "not root and no sudo: ask an administrator to run: apt-get install $missing"
  as_root=(sudo)
fi
# sudo drops the environment: hand on what apt needs.
environment=(DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8)
for name in http_proxy https_proxy no_proxy; do
  if [[ -n ${!name:-} ]]; then environment+=("$name=${!name}"); fi
done
apt() { "${as_root[@]}" env "${environment[@]}" apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"; }

echo "to install: $missing"
# An unrelated source that cannot be reached must not stop us: only a failed install does.
apt update || true
apt install --no-install-recommends $missing ||
  die "apt could not install $(wc -w <<<"$missing") packages: check the network (proxy?) and /etc/apt/sources.list*, then run again"

still=$(lacking | xargs)
if [[ -n $still ]]; then
  echo "warning: other versions than Moire is tested with (harness/setup/versions.env): $still"
fi
