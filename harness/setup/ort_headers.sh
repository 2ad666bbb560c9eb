#!/usr/bin/env bash
# Set-up step: the headers of ONNX Runtime's C API, from the Debian package of a later release.
# The package is unpacked into MOIRE_HOME/ort-headers and never installed; apt's own state stays untouched.
source "$(dirname "$0")/common.sh"

headers=$MOIRE_HOME/ort-headers
wanted="$ORT_HEADERS_SUITE $ORT_HEADERS_VERSION"
if [[ -f $headers/moire.stamp && $(<"$headers/moire.stamp") == "$wanted" ]]; then exit 0; fi

mirror=$(debian_mirror)
[[ -n $mirror ]] || die "apt's sources name no Debian mirror with component main: add one, then run again"

scratch
cd "$SCRATCH"
mkdir -p lists/partial cache/archives/partial unpacked
echo "deb [arch=$(dpkg --print-architecture)] $mirror $ORT_HEADERS_SUITE main" >sources.list
private_apt() {
  apt-get -q -oDir::Etc::sourcelist="$SCRATCH/sources.list" -oDir::Etc::sourceparts=/dev/null \
    -oDir::State::Lists="$SCRATCH/lists" -oDir::Cache="$SCRATCH/cache" \
    -oAPT::Sandbox::User="$(id -un)" -oAcquire::Languages=none "$@"
}
private_apt update ||
  die "could not read $ORT_HEADERS_SUITE from the Debian mirror: check the network (proxy?) and that debian-archive-keyring is up to date"
private_apt download "libonnxruntime-dev=$ORT_HEADERS_VERSION" ||
  private_apt download libonnxruntime-dev ||
  die "the Debian mirror has no libonnxruntime-dev in $ORT_HEADERS_SUITE"
dpkg -x libonnxruntime-dev_*.deb unpacked

found=unpacked/usr/include/onnxruntime
api=$(awk '$2 == "ORT_API_VERSION" {print $3}' "$found/onnxruntime_c_api.h")
((api >= ORT_API_VERSION)) || die "libonnxruntime-dev has API version $api, at least $ORT_API_VERSION is needed"
echo "$wanted" >"$found/moire.stamp"
replace_dir "$found" "$headers"
