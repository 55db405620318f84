#!/usr/bin/env bash
# Runs every libFuzzer program of a folder for a while, one after the other.
#
#   cmake/run_fuzz.sh PROGRAMS CORPUS SECONDS
#
# What a target learns stays in CORPUS/<target>; an input that breaks it is written to
# CORPUS/<target>.crash-... and named. Exits with 1 when any target broke.
set -uo pipefail

programs=$1
corpus=$2
seconds=$3
clean=0
broken=0
symbolizer=$(command -v llvm-symbolizer-14 || true)

shopt -s nullglob
for program in "$programs"/*_fuzz; do
  name=$(basename "$program")
  mkdir -p "$corpus/$name"
  log=$corpus/$name.log
  if ASAN_SYMBOLIZER_PATH=$symbolizer "$program" "$corpus/$name" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$corpus/$name." >"$log" 2>&1; then
    clean=$((clean + 1))
    echo "$name: clean, $(awk '/number_of_executed_units/ {print $2}' "$log") inputs in $seconds s"
  else
    broken=$((broken + 1))
    grep -v '^#' "$log" | tail -n 40
    echo "$name: broken; full log: $log"
  fi
done

echo "$clean fuzz targets clean, $broken broken"
((broken == 0 && clean > 0))
