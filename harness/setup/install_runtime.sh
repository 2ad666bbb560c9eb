#!/usr/bin/env bash
# install_runtime.sh ort VERSION: puts a released runtime's shared libraries, as shipped in its wheel, into
# MOIRE_HOME/runtimes. Prints the main library's path. Nothing happens when it is there already.
# On failure: one line on standard error that begins with "error:", and nothing left behind.
source "$(dirname "$0")/common.sh"

usage="usage: install_runtime.sh ort VERSION"
(($# == 2)) || die "$usage"
kind=$1 version=$2
[[ $version =~ ^[0-9]+(\.[0-9]+)*[a-z0-9.]*$ ]] || die "'$version' is not a version"
case $kind in
  ort) package=onnxruntime members='onnxruntime/capi/lib*.so*' library=libonnxruntime.so.$version symbol=OrtGetApiBase ;;
  *) die "no runtime is called '$kind': $usage" ;;
esac

target=$MOIRE_HOME/runtimes/$package/$version
if [[ ! -f $target/$library ]]; then
  [[ -x $MOIRE_HOME/venv/bin/pip ]] || die "no Python environment in $MOIRE_HOME: run ./moirew setup first"
  scratch
  if ! pip download --no-deps --only-binary :all: -d "$SCRATCH" "$package==$version" &>"$SCRATCH/log"; then
    cat "$SCRATCH/log" >>"$MOIRE_HOME/logs/runtimes.log"
    if grep -q 'No matching distribution' "$SCRATCH/log" && ! grep -q 'WARNING: Retrying' "$SCRATCH/log"; then
      known=$(sed -n 's/.*from versions: \(.*\))$/\1/p' "$SCRATCH/log" | tail -1)
      die "there is no wheel of $package $version for $(python3 --version); there are: ${known:-none}"
    fi
    die "could not download $package $version: check the network (proxy, pip's configuration); log: $MOIRE_HOME/logs/runtimes.log"
  fi
  mkdir "$SCRATCH/libraries"
  python3 - "$SCRATCH" "$members" <<'PYTHON' || die "the wheel of $package $version cannot be unpacked"
import fnmatch, glob, os, sys, zipfile
scratch, members = sys.argv[1:]
with zipfile.ZipFile(glob.glob(scratch + "/*.whl")[0]) as wheel:
    for name in fnmatch.filter(wheel.namelist(), members):
        with open(os.path.join(scratch, "libraries", os.path.basename(name)), "wb") as out:
            out.write(wheel.read(name))
PYTHON
  [[ -f $SCRATCH/libraries/$library ]] ||
    die "the wheel of $package $version has no $library (ONNX Runtime ships it from 1.19 on)"
  python3 -c 'import ctypes, sys; getattr(ctypes.CDLL(sys.argv[1]), sys.argv[2])' \
    "$SCRATCH/libraries/$library" "$symbol" 2>>"$MOIRE_HOME/logs/runtimes.log" ||
    die "$library does not load here or lacks $symbol; log: $MOIRE_HOME/logs/runtimes.log"
  # Unless another one was quicker.
  [[ -f $target/$library ]] || replace_dir "$SCRATCH/libraries" "$target"
fi
echo "$target/$library"
