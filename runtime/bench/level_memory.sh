#!/usr/bin/env bash
# What a level costs in memory, and what opening and switching cost, on a synthetic 1 GB bundle.
#
#   runtime/bench/level_memory.sh BIN_FOLDER WORK_FOLDER [RUNS]
#
# Prints one row per level: bytes of its weights, peak resident memory of `elm run` (median of RUNS,
# default 5), and the peak without the weights. Fails when a level's peak exceeds its bytes + 10 % +
# CONSTANT_MIB, which holds the program, its libraries, the KV cache, scratch and vocabulary.
set -euo pipefail

bin=$1
work=$2
runs=${3:-5}
constant_mib=${CONSTANT_MIB:-16}
bundle=$work/synthetic-0.5b-f16.elm
mkdir -p "$work"
[[ -f $bundle ]] || "$bin/elmc" synth --shape 0.5b --quant f16 --adapters 0 -o "$bundle"

field() { grep -o "\"$1\": *[0-9.]*" | head -n 1 | grep -o '[0-9.]*$'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

status=0
printf '%-6s %12s %12s %12s %12s\n' level weights_MiB peak_MiB rest_MiB allowed_MiB
for level in 0.2 0.5 1.0; do
  peaks=$(for _ in $(seq "$runs"); do
    "$bin/elm" run "$bundle" --level "$level" -p "Once upon a time" -n 8 --ignore-stop --json \
      >"$work/run.json"
    field peak_resident_bytes <"$work/run.json"
  done)
  weights=$(field level_bytes <"$work/run.json")
  peak=$(median <<<"$peaks")
  awk -v level="$level" -v weights="$weights" -v peak="$peak" -v constant="$constant_mib" '
    BEGIN {
      mib = 1048576
      allowed = weights * 1.1 / mib + constant
      exceeded = (peak / mib > allowed)
      printf "%-6s %12.1f %12.1f %12.1f %12.1f%s\n", level, weights / mib, peak / mib,
             (peak - weights) / mib, allowed, exceeded ? "  EXCEEDED" : ""
      exit exceeded
    }' || status=1
done

echo
"$bin/elm" info "$bundle" --time --json >"$work/info.json"
printf 'open: %s us (mean of 20, warm)\n' "$(field open_us <"$work/info.json")"
printf 'level switch: %s us (mean of 100000)\n' "$(field switch_us <"$work/info.json")"
exit $status
