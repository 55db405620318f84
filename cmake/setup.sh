#!/usr/bin/env bash
# Installs the Debian packages that the project needs and this machine lacks.
#
#   cmake/setup.sh [group ...]      groups: runtime toolchain arm64 fuzz lint; default: runtime toolchain
#
# Does nothing, quickly, when all is there. Runs as root or through sudo. docs/dependencies.md says
# what each package is for.
set -euo pipefail

declare -A packages=(
  [runtime]="make g++ cmake ninja-build ccache git
             libsentencepiece-dev libxxhash-dev nlohmann-json3-dev libgtest-dev libgmock-dev"
  [datasets]="libcsv-dev"
  [toolchain]="libtorch-dev libgloo-dev libopenblas0-pthread libhdf5-dev libcli11-dev libspdlog-dev libssl-dev
               libcsv-dev libjs-chart.js"
  [arm64]="g++-aarch64-linux-gnu qemu-user-static"
  [fuzz]="clang-14 libclang-rt-14-dev llvm-14"
  [lint]="clang-format clang-tidy"
)

fail() {
  echo "setup: $*" >&2
  exit 1
}

wanted=()
for group in "${@:-runtime toolchain}"; do
  for name in $group; do
    [[ -n ${packages[$name]:-} ]] || fail "no package group '$name'; groups: ${!packages[*]}"
    read -r -d '' -a names <<<"${packages[$name]}" || true
    wanted+=("${names[@]}")
  done
done

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
  fail "this is not Debian; install what these Debian 12 packages hold, then run make SETUP=true ...:" \
    "${wanted[*]}"

installed=" $(dpkg-query -W -f='${db:Status-Status}=${Package} ' "${wanted[@]}" 2>/dev/null || true) "
missing=()
for name in "${wanted[@]}"; do
  [[ $installed == *" installed=$name "* ]] || missing+=("$name")
done
if ((${#missing[@]} == 0)); then
  echo "setup: all ${#wanted[@]} packages are there"
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null ||
    fail "not root and no sudo; as root: apt-get install --no-install-recommends ${missing[*]}"
  as_root=(sudo)
fi

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -oDPkg::Lock::Timeout=300 "$@"
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install_missing() {
  apt install --no-install-recommends "${missing[@]}" >"$log" 2>&1
}
refresh() {
  echo "setup: refreshing the package lists"
  apt update >"$log" 2>&1 || { cat "$log" >&2; fail "apt-get update failed"; }
}

# The lists are refreshed only when a package is not in them, or when they are too old to install from.
known=$(apt-cache --no-all-versions show "${missing[@]}" 2>/dev/null | grep -c '^Package:' || true)
fresh=0
if ((known < ${#missing[@]})); then
  refresh
  fresh=1
fi
echo "setup: installing ${missing[*]}"
if ! install_missing; then
  if ((fresh == 0)); then
    refresh
    install_missing && fresh=2
  fi
  if ((fresh != 2)); then
    tail -n 20 "$log" >&2
    fail "apt-get could not install: ${missing[*]} (they are in Debian 12's main archive)"
  fi
fi
echo "setup: installed ${#missing[@]} packages"
