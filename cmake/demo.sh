#!/bin/sh
# demo.sh PROGRAMS FOLDER CONFIG [MODEL DATA]: the whole job, then what came out of it.
# PROGRAMS holds elmc and elm; all results stay in FOLDER, so a second run has little left to do.
# Without MODEL the built-in model answers the questions of its own world and a short trace of requests,
# each under its SLO, is played on this machine; with one the loss on DATA is measured.
set -eu
programs=$1 folder=$2 config=$3 model=${4:-} data=${5:-}
elmc=$programs/elmc elm=$programs/elm
mkdir -p "$folder"

start=$(date +%s)
if [ -n "$model" ]; then
  bundle=$folder/model.elm
  tasks=ppl:$data
  prompt=${PROMPT:-Once upon a time}
  set -- -n 12
  "$elmc" prepare "$model" --data "$data" -o "$bundle"
else
  bundle=$folder/pocket-4m.elm
  tasks=pocket
  prompt=$("$elmc" dataset show app --split test --prompt)
  # The answer ends with its line; behind it the model would ask the next question.
  set -- -n 48 --stop '
'
  "$elmc" prepare --config "$config" -o "$bundle"
fi
"$elmc" eval "$bundle" --tasks "$tasks" --count "${COUNT:-60}" --latency --json "$folder/eval.json"

for level in ${LEVELS:-1.0 0.8 0.5}; do
  printf '\nlevel %s:\n' "$level"
  "$elm" run "$bundle" --level "$level" -p "$prompt" --temperature 0 "$@"
done

set -- "$folder/eval.json"
if [ -z "$model" ]; then
  printf '\nSix apps ask at once, each under its own SLO:\n'
  "$elm" calibrate "$bundle" --quick -o "$folder/device.lat.json"
  "$elmc" trace make --count "${REQUESTS:-120}" --pool 20 -o "$folder/trace.json"
  "$elmc" trace run "$bundle" --trace "$folder/trace.json" --latency "$folder/device.lat.json" \
    --economics reference --json "$folder/trace_results.json"
  set -- "$@" "$folder/trace_results.json"
fi
"$elmc" report "$@" -o "$folder/report.html"
printf '\nthe job took %s s; %s holds the model, %s/report.html tables and curves\n' \
  "$(($(date +%s) - start))" "$bundle" "$folder"
