#!/usr/bin/env bash
# Brings the machine and MOIRE_HOME to what versions.env asks for. Each step finds out for itself whether
# there is anything to do, so running it again is cheap and resumes where it stopped.
source "$(dirname "$0")/common.sh"

say() { printf 'moirew: %s\n' "$*" >&2; }

# step NAME WHAT COMMAND...: runs the command with its output in a log, and says how to go on when it fails.
step() {
  local name=$1 what=$2 log=$MOIRE_HOME/logs/setup-$1.log start=$SECONDS
  shift 2
  say "set-up: $what ..."
  if ! "$@" >"$log" 2>&1 </dev/null; then
    say "set-up failed in step '$name' ($what)"
    say "log: $log"
    if grep -q 'No space left' "$log"; then die "no space left on a disk: MOIRE_HOME needs about 500 MB"; fi
    say "$(grep '^error: ' "$log" | tail -1 || echo 'error: unexpected, see the end of the log')"
    exit 1
  fi
  sed -n 's/^warning: /moirew: warning: /p' "$log" >&2
  if ((SECONDS - start > 2)); then say "set-up: $what: $((SECONDS - start)) s"; fi
}

# What a killed set-up left behind.
find "$MOIRE_HOME/tmp" -mindepth 1 -maxdepth 1 -mmin +120 -exec rm -rf {} + 2>/dev/null || true

here=$MOIRE_ROOT/harness/setup
step apt "Debian packages" "$here/apt.sh"
step venv "Python environment" "$here/venv.sh"
step onnx "ONNX $ONNX_VERSION (C++)" "$here/onnx.sh"
step ort-headers "ONNX Runtime headers" "$here/ort_headers.sh"
step node-cases "ONNX's node cases" "$MOIRE_HOME/venv/bin/python" "$MOIRE_ROOT/tests/conformance/export_node_cases.py"
for version in $ORT_RUNTIMES; do
  step "ort-$version" "ONNX Runtime $version" "$here/install_runtime.sh" ort "$version"
done
