#!/usr/bin/env bash
# clang-tidy on the source files that differ from the last commit.
#
#   cmake/lint.sh BUILD_FOLDER
#
# Files compiled with LibTorch are left out: clang 14 rejects Debian's LibTorch headers as C++20.
set -euo pipefail

build=$1
changed=$({ git diff --name-only --diff-filter=d HEAD; git ls-files -o --exclude-standard; } |
  grep '\.cc$' || true)
checkable=$(awk -F '"' '
  $2 == "command" { torch = /cmake_pch/ }
  $2 == "file" && !torch { print $4 }
' "$build/compile_commands.json")

files=()
for file in $changed; do
  if grep -qxF "$PWD/$file" <<<"$checkable"; then
    files+=("$file")
  fi
done
echo "lint: ${#files[@]} files"
((${#files[@]} == 0)) || clang-tidy -p "$build" --quiet "${files[@]}"
