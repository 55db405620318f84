#!/usr/bin/env bash
# Configures, builds and tests one preset after the other and says how it went in one last line.
#
#   cmake/run_tests.sh JOBS PRESET ...
#
# Prints "N passed, N failed" over all presets, and exits with 1 unless everything was built and passed.
# A GoogleTest program counts with its cases, any other test as one; a test that crashes or runs out
# of time, and a preset that does not build, count as one failure.
set -uo pipefail

jobs=$1
shift
passed=0
failed=0
skipped=0

# Reads ctest's log; prints "passed failed skipped".
count() {
  awk '
    /^[0-9]+\/[0-9]+ Testing: /      { p = f = s = 0 }
    /^\[  PASSED  \] [0-9]+ test/    { p = $4 }
    /^\[  SKIPPED \] [0-9]+ test/    { s = $4 }
    /^\[  FAILED  \] [0-9]+ test/    { f = $4 }
    /^Test Passed\.$/                { passed += (p + s > 0) ? p : 1; skipped += s }
    /^Test (Failed|Timeout)/         { passed += p; failed += (f > 0) ? f : 1; skipped += s }
    END { print passed + 0, failed + 0, skipped + 0 }
  ' "$1"
}

# Runs one step of a preset; its output is shown only when it fails.
step() {
  local log=build/$preset.$1.log
  shift
  "$@" >"$log" 2>&1 && return 0
  grep -v '^\[[0-9]*/[0-9]*\] ' "$log" | tail -n 100
  echo "$preset: failed: $*"
  return 1
}

test_preset() {
  step configure cmake --preset "$preset" || return
  step build cmake --build --preset "$preset" -j "$jobs" || return
  local results=build/$preset/Testing/Temporary/LastTest.log
  rm -f "$results"
  local status=0 p f s
  ctest --preset "$preset" -j "$jobs" --no-tests=error || status=1
  [[ -f $results ]] || return 1
  read -r p f s < <(count "$results")
  ((status == 0 || f > 0)) || f=1
  passed=$((passed + p))
  failed=$((failed + f))
  skipped=$((skipped + s))
  echo "$preset: $p passed, $f failed, $s skipped, $((SECONDS - start)) s with the build"
}

for preset in "$@"; do
  echo "== $preset"
  start=$SECONDS
  test_preset || failed=$((failed + 1))
done

((skipped == 0)) || echo "$skipped skipped: they need files that are not here, or minutes (make test-long)"
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
