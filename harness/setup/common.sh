# What the set-up steps share: paths, versions, how a step fails. Sourced, never run.
# Knows nothing of any one step.
# shellcheck shell=bash

set -euo pipefail
export LC_ALL=C.UTF-8
umask 022

MOIRE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export MOIRE_ROOT MOIRE_HOME="${MOIRE_HOME:-$MOIRE_ROOT/.moire}"
# The distribution's tools first, so that a pyenv shim or a private compiler does not leak in.
export PATH="$MOIRE_HOME/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
source "$MOIRE_ROOT/harness/setup/versions.env"

# Ends a step. One line: what went wrong, and what to do about it.
die() {
  printf 'error: %s\n' "$1" >&2
  exit 1
}

# A fresh directory inside MOIRE_HOME, so that the final rename stays on one file system.
# Removed when the shell that made it ends.
scratch() {
  mkdir -p "$MOIRE_HOME/tmp"
  SCRATCH=$(mktemp -d "$MOIRE_HOME/tmp/XXXXXX")
  trap 'rm -rf "$SCRATCH"' EXIT
}

# Puts directory $1 in the place of $2.
replace_dir() {
  rm -rf "$2.old"
  mkdir -p "$(dirname "$2")"
  if [[ -e $2 ]]; then mv -T "$2" "$2.old"; fi
  mv -T "$1" "$2"
  rm -rf "$2.old"
}

# The address of the Debian mirror that this system's own apt sources name.
debian_mirror() {
  local codename
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  apt-get indextargets --format '$(CREATED_BY) $(COMPONENT) $(RELEASE) $(REPO_URI)' |
    awk -v codename="$codename" '$1 == "Packages" && $2 == "main" && $3 == codename {print $4; exit}'
}
