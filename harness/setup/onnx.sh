#!/usr/bin/env bash
# Set-up step: ONNX's C++ library (operator schemas, checker, shape inference, text format, version
# converter), static, from its source distribution, into MOIRE_HOME/onnx.
source "$(dirname "$0")/common.sh"

prefix=$MOIRE_HOME/onnx
wanted="onnx $ONNX_VERSION $ONNX_SHA256 $(clang++-19 --version | head -1) $(sha256sum <"$0")"
if [[ -f $prefix/moire.stamp && $(<"$prefix/moire.stamp") == "$wanted" ]]; then exit 0; fi

scratch
cd "$SCRATCH"
# pip asks a source distribution for its metadata, which takes it three seconds and a throw-away environment.
pip download --no-deps --no-binary onnx "onnx==$ONNX_VERSION" ||
  die "pip could not download the sources of ONNX $ONNX_VERSION: check the network (proxy, pip's configuration), then run again"
echo "$ONNX_SHA256  onnx-$ONNX_VERSION.tar.gz" | sha256sum -c - ||
  die "onnx-$ONNX_VERSION.tar.gz is not the file that versions.env pins"
tar xzf "onnx-$ONNX_VERSION.tar.gz"

# Shared protobuf: Debian's has no CMake package file, and this is the mode that does without.
# The build directory is fixed, so that ccache knows the files again.
build=$MOIRE_HOME/tmp/onnx-build
rm -rf "$build"
export CCACHE_DIR=$MOIRE_HOME/ccache CCACHE_BASEDIR=$MOIRE_HOME
mv "onnx-$ONNX_VERSION" "$build"
cmake -S "$build" -B "$build/build" -G Ninja \
  -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" -DCMAKE_LINKER_TYPE=LLD \
  -DCMAKE_INSTALL_PREFIX="$SCRATCH/prefix" -DCMAKE_INSTALL_LIBDIR=lib \
  -DPython3_EXECUTABLE=/usr/bin/python3 \
  -DONNX_ML=ON -DONNX_USE_UNITY_BUILD=ON -DONNX_USE_PROTOBUF_SHARED_LIBS=ON ||
  die "ONNX could not be configured: read the log; if a package is broken, reinstall it and run again"
ninja -C "$build/build" -j "${MOIRE_JOBS:-$(nproc)}" install ||
  die "ONNX did not build: read the log (memory and disk space?); MOIRE_JOBS=1 builds with less memory"

echo "$wanted" >"$SCRATCH/prefix/moire.stamp"
replace_dir "$SCRATCH/prefix" "$prefix"
rm -rf "$build"
