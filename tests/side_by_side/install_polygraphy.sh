#!/usr/bin/env bash
# install_polygraphy.sh: Polygraphy, to compare with, in an environment of its own in MOIRE_HOME, on top
# of Moire's. Not part of the set-up: polygraphy.py runs it on demand. Prints the path of the program.
# On failure: one line on standard error that begins with "error:".
source "$(dirname "$0")/../../harness/setup/common.sh"

packages="polygraphy==0.53.6 onnx_graphsurgeon==0.6.1"
venv=$MOIRE_HOME/polygraphy
[[ -x $MOIRE_HOME/venv/bin/pip ]] || die "no Python environment in $MOIRE_HOME: run ./moirew setup first"
wanted="$venv $packages"
if [[ ! -f $venv/moire.stamp || $(<"$venv/moire.stamp") != "$wanted" ]]; then
  rm -rf "$venv"
  /usr/bin/python3 -m venv --without-pip "$venv" || die "cannot make a Python environment in $venv"
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  "$MOIRE_HOME/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$site/moire.pth"
  "$MOIRE_HOME/venv/bin/pip" install --quiet --no-deps --only-binary :all: --target "$site" $packages >&2 ||
    die "pip could not install $packages: check the network (proxy, pip's configuration), then run again"
  echo "$wanted" >"$venv/moire.stamp"
fi
ls "$venv"/lib/python3*/site-packages/bin/polygraphy
