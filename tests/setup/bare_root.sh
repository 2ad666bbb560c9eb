#!/usr/bin/env bash
# Does the set-up work on a machine that has nothing? Makes a bare Debian 12 (debootstrap minbase, git,
# ca-certificates), puts a clone of HEAD there, runs the README's commands in it and reports how long each took.
#
#   tests/setup/bare_root.sh [COMMAND...]     default: "./moirew fuzz --time 2m" "./moirew test"
#
# Needs root, debootstrap, the right to mount, a Debian 12 host with a network, and 6 GB under TMPDIR. KEEP=1
# keeps the root. The host's way out (proxies, certificates, pip's and apt's settings) is handed on; no more.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../harness/setup/common.sh"
if (($# == 0)); then set -- "./moirew fuzz --time 2m" "./moirew test"; fi
((EUID == 0)) || die "bare_root.sh must be root: it mounts and changes its root"
command -v debootstrap >/dev/null || die "no debootstrap here: apt-get install debootstrap"

root=$(mktemp -d "${TMPDIR:-/tmp}/moire-bare-XXXXXX")
chmod 755 "$root" # it becomes /, which everyone may enter
trap '[[ -n ${KEEP:-} ]] && echo "kept: $root" || rm -rf --one-file-system "$root"' EXIT

echo "making a bare Debian 12 in $root"
debootstrap --variant=minbase --include=git,ca-certificates bookworm "$root" "$(debian_mirror)" >"$root.log" ||
  die "debootstrap failed, see $root.log"
rm -f "$root.log" "$root"/etc/apt/sources.list
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' | sort -u |
  grep ' bookworm' >"$root/etc/apt/sources.list"
grep -lZ '^ *Acquire' /etc/apt/apt.conf.d/* | xargs -0r cp -t "$root/etc/apt/apt.conf.d"
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
  if [[ -e $file ]]; then cp -L "$file" "$root$file"; fi
done
git clone -q --no-hardlinks "$MOIRE_ROOT" "$root/root/moire"

environment=(HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb)
while IFS= read -r -d '' setting; do
  if [[ ${setting%%=*} =~ ^(PIP_.*|SSL_CERT_.*|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE|.*_(proxy|PROXY))$ ]]; then
    environment+=("$setting")
  fi
done < <(env -0)

# The mounts live in a namespace of their own and end with it.
inside() {
  unshare --mount --pid --fork --kill-child bash -c '
    root=$1 command=$2
    shift 2
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    exec chroot "$root" env -i "$@" bash -c "cd /root/moire && $command"' \
    inside "$root" "$1" "${environment[@]}"
}

result=PASS
for command in "$@"; do
  echo "=== $command"
  start=$SECONDS status=0
  inside "$command" 2>&1 | tee "$root/tmp/output" || status=$?
  if ((status != 0)); then result=FAIL; fi
  summary+="exit $status, $((SECONDS - start)) s, of which set-up and build"
  summary+=" $(sed -n 's/^moirew: ready after //p' "$root/tmp/output" | tail -1): $command"$'\n'
done
printf '\n%s%s\n' "${summary-}" "$result"
[[ $result == PASS ]]
