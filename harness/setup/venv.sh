#!/usr/bin/env bash
# Set-up step: the private Python environment (CMake, Ninja, the Python side of the tests and workers).
source "$(dirname "$0")/common.sh"

venv=$MOIRE_HOME/venv
# An environment holds absolute paths, so its own place is part of what it was made from.
wanted=$(/usr/bin/python3 --version; echo "$venv" $PIP_PACKAGES)
if [[ -f $venv/moire.stamp && $(<"$venv/moire.stamp") == "$wanted" ]]; then exit 0; fi

rm -rf "$venv"
/usr/bin/python3 -m venv "$venv" ||
  die "cannot make a Python environment in $venv: is the package python3-venv whole?"
"$venv/bin/pip" install --no-deps --only-binary :all: $PIP_PACKAGES ||
  die "pip could not install the packages of versions.env: check the network (proxy, pip's configuration), then run again"
"$venv/bin/pip" check || die "the versions in harness/setup/versions.env do not fit together"
echo "$wanted" >"$venv/moire.stamp"
