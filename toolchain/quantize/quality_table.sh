#!/bin/bash
# What rounding weights costs, by type, group and method, measured through the runtime.
#
#   quality_table.sh PROGRAMS FOLDER BUNDLE DATA TASKS
#
# BUNDLE holds f32 or f16 weights, DATA is a calibration text (or "pocket"), TASKS goes to `elmc eval`
# (ppl:TEXT, pocket). Bundles and results stay in FOLDER; what is there already is not made again.
set -euo pipefail
programs=$1 folder=$2 bundle=$3 data=$4 tasks=$5
mkdir -p "$folder"

# row NAME BUNDLE: bits per weight and the full level's measures.
row() {
  local result=$folder/$1.json
  [[ -s $result ]] || "$programs/elmc" eval "$2" --engine runtime --levels 1.0 --tasks "$tasks" --count 100 \
    --quiet --json "$result" >"$folder/$1.txt" 2>&1 || { cat "$folder/$1.txt" >&2; exit 1; }
  local bits
  bits=$("$programs/elmc" inspect "$2" | sed -n 's/.* layers, \([0-9.]*\) in the whole file.*/\1/p')
  printf '| %s | %s | %s |\n' "$1" "$bits" "$(grep -E '^1\.0 ' "$folder/$1.txt" | sed 's/^1\.0 *100\.0% *//' | head -2 | paste -sd ' ' | tr -s ' ')"
}

# quantised NAME OPTION...: a row of the bundle that `elmc quantize` makes.
quantised() {
  local name=$1 output=$folder/$1.elm
  shift
  [[ -s $output ]] || "$programs/elmc" quantize "$bundle" "$output" --quiet "$@" >"$folder/$name.log" 2>&1 ||
    { cat "$folder/$name.log" >&2; exit 1; }
  row "$name" "$output"
}

printf '| weights | bits per weight | level 1.0 |\n|---|--:|---|\n'
row original "$bundle"
for group in ${GROUPS_OF_INPUTS:-32 64 128}; do
  quantised "q8-$group" --quant q8 --group "$group" --rounding nearest
done
for group in ${GROUPS_OF_INPUTS:-32 64 128}; do
  quantised "q4-$group-nearest-all" --quant q4 --group "$group" --rounding nearest --vocab-quant q4
  quantised "q4-$group-nearest" --quant q4 --group "$group" --rounding nearest
  quantised "q4-$group-least-error" --quant q4 --group "$group" --rounding least-error
  quantised "q4-$group-calibrated" --quant q4 --group "$group" --rounding calibrated --data "$data"
  quantised "q4-$group-calibrated-all" --quant q4 --group "$group" --rounding calibrated --data "$data" \
    --vocab-quant q4
done
