#!/usr/bin/env bash
# Unpacks what the runtime links, as Debian's arm64 packages hold it, into a folder to cross-compile against.
#
#   cmake/arm64-sysroot.sh FOLDER
#
# Uses the machine's package sources with an apt state of its own: needs no root, changes nothing of
# the machine (no foreign architecture is added). Does nothing when the folder is complete.
set -euo pipefail

packages=(libsentencepiece-dev libsentencepiece0 libxxhash-dev nlohmann-json3-dev
  libgtest-dev libgmock-dev)

fail() {
  echo "arm64-sysroot: $*" >&2
  exit 1
}
(($# == 1)) || fail "usage: cmake/arm64-sysroot.sh FOLDER"
sysroot=$(realpath -m "$1")
stamp=$sysroot/.packages
if [[ -f $stamp && $(<"$stamp") == "${packages[*]}" ]]; then
  echo "arm64-sysroot: $1 is complete"
  exit 0
fi

work=$sysroot.tmp
rm -rf "$work"
mkdir -p "$work"/{root,debs,state/lists/partial,cache/archives/partial}
trap 'rm -rf "$work"' EXIT
touch "$work/state/status"
arm64_apt=(apt-get -q -oAPT::Architecture=arm64 -oAPT::Architectures=arm64
  -oDir::State="$work/state" -oDir::State::status="$work/state/status" -oDir::Cache="$work/cache")
if ((EUID == 0)); then
  arm64_apt+=(-oAPT::Sandbox::User=root)
fi

echo "arm64-sysroot: downloading ${packages[*]}"
"${arm64_apt[@]}" update >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; fail "apt-get update failed"; }
(cd "$work/debs" && "${arm64_apt[@]}" download "${packages[@]}") >"$work/log" 2>&1 ||
  { tail -n 20 "$work/log" >&2; fail "the package sources of this machine offer no arm64 packages"; }
for package in "$work"/debs/*.deb; do
  dpkg-deb -x "$package" "$work/root"
done
echo "${packages[*]}" >"$work/root/.packages"
rm -rf "$sysroot"
mv "$work/root" "$sysroot"
echo "arm64-sysroot: ${#packages[@]} packages in $1"
